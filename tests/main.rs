mod common {}
