use super::*;

#[test]
fn every_rule_says_of_itself_what_a_user_has_to_know() {
    for rule in RULES {
        let sections = rule.sections();
        let headings: Vec<&str> = sections.iter().map(|section| section.heading).collect();
        assert_eq!(headings, HEADINGS, "{}", rule.name);
        for section in sections {
            assert!(
                section.text.len() > 10 && section.text.ends_with('.'),
                "{}: {section:?}",
                rule.name
            );
        }
    }
}
