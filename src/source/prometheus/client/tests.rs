use super::super::options::Secret;
use super::super::testing::{End, Reply, Seen, Server};
use super::*;

fn request(query: &str) -> ApiRequest {
    ApiRequest {
        path: "/api/v1/query".into(),
        params: vec![("query".into(), query.into()), ("time".into(), "1".into())],
    }
}

async fn sent(options: &ConnectionOptions, user_info: &str) -> Seen {
    let server = Server::start(|_, _| Reply::json("{}"));
    let url = server.url().replace("://", &format!("://{user_info}"));
    let transport = DirectTransport::new(&url, options).unwrap();
    transport.send(&request("up")).await.unwrap();
    server.seen().remove(0)
}

#[tokio::test]
async fn short_requests_are_get_and_long_ones_post() {
    let server = Server::start(|_, _| Reply::json("{}").with_header("Retry-After", "7"));
    let url = format!("{}/prefix/", server.url());
    let transport = DirectTransport::new(&url, &ConnectionOptions::default()).unwrap();
    assert!(transport.allows_post());
    let answer = transport.send(&request("a + b & {x=\"ü\"}")).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
    let long = "x".repeat(3_000);
    transport.send(&request(&long)).await.unwrap();

    let seen = server.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", "/prefix/api/v1/query"));
    assert_eq!(seen[0].params["query"], "a + b & {x=\"ü\"}");
    assert_eq!(seen[0].params["time"], "1");
    assert!(!seen[0].headers.contains_key("accept-encoding"), "compressed on loopback");
    assert_eq!((seen[1].method.as_str(), &seen[1].params["query"]), ("POST", &long));
    assert!(seen[1].line_bytes < 100);
}

#[tokio::test]
async fn a_server_without_post_is_asked_by_get() {
    let server = Server::start(|seen, _| match seen.method.as_str() {
        "POST" => Reply::new(405, ""),
        _ => Reply::json("{}"),
    });
    let answer = server.transport().send(&request(&"x".repeat(3_000))).await.unwrap();
    assert_eq!((answer.status, server.seen().len()), (200, 2));
}

#[tokio::test]
async fn headers_tokens_and_passwords_are_sent() {
    let file = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    };
    let tenant = ConnectionOptions {
        headers: vec![("X-Scope-OrgID".into(), Secret("team-a".into()))],
        ..ConnectionOptions::default()
    };
    assert_eq!(sent(&tenant, "").await.headers["x-scope-orgid"], "team-a");

    let token = file("t0ken\n");
    let bearer = ConnectionOptions {
        bearer_token_file: Some(token.path().into()),
        ..ConnectionOptions::default()
    };
    assert_eq!(sent(&bearer, "").await.headers["authorization"], "Bearer t0ken");

    let password = file("s3cret");
    let basic = ConnectionOptions {
        basic_user: Some("ann".into()),
        basic_password_file: Some(password.path().into()),
        ..ConnectionOptions::default()
    };
    assert_eq!(sent(&basic, "").await.headers["authorization"], "Basic YW5uOnMzY3JldA==");
    let in_url = sent(&ConnectionOptions::default(), "ann:s3cret@").await;
    assert_eq!(in_url.headers["authorization"], "Basic YW5uOnMzY3JldA==");
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_server_only() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/query" => Reply::new(308, "").with_header("Location", "/prom/api/v1/query"),
        "/prom/api/v1/query" => Reply::json("{}"),
        _ => Reply::new(404, ""),
    });
    let transport = server.transport();
    assert_eq!(transport.send(&request("up")).await.unwrap().status, 200);
    assert_eq!(transport.send(&request(&"x".repeat(3_000))).await.unwrap().status, 200);
    let seen = server.seen();
    assert_eq!((seen[1].method.as_str(), seen[1].params["query"].as_str()), ("GET", "up"));
    assert_eq!((seen[3].method.as_str(), seen[3].params["query"].len()), ("POST", 3_000));

    let login = Server::start(|_, _| {
        Reply::new(302, "").with_header("Location", "https://sso.example/login?next=x")
    });
    let error = login.transport().send(&request("up")).await.unwrap_err();
    assert!(matches!(error, TransportError::Redirected(_)), "{error:?}");
    assert!(error.to_string().contains("redirects to https://sso.example/login,"), "{error}");

    let circle = Server::start(|_, _| Reply::new(302, "").with_header("Location", "/api/v1/query"));
    let error = circle.transport().send(&request("up")).await.unwrap_err();
    assert!(error.to_string().contains("in circles"), "{error}");
    assert_eq!(circle.seen().len(), 6);
}

#[tokio::test]
async fn a_large_body_is_cut_off() {
    let server = Server::start(|_, _| Reply::json(vec![b' '; 5_000]));
    let url = server.url();
    let transport = |limit| {
        let transport = DirectTransport::new(&url, &ConnectionOptions::default()).unwrap();
        transport.with_max_body_bytes(limit)
    };
    assert_eq!(transport(5_000).send(&request("up")).await.unwrap().body.len(), 5_000);
    let error = transport(4_999).send(&request("up")).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { limit_bytes: 4_999 }), "{error:?}");
}

#[tokio::test]
async fn errors_name_the_server_and_no_secret() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://ann:hunter2@127.0.0.1:{port}/p");
    let options = ConnectionOptions {
        headers: vec![("X-Key".into(), Secret("hunter2".into()))],
        ..ConnectionOptions::default()
    };
    let transport = DirectTransport::new(&url, &options).unwrap();
    let error = transport.send(&request("hidden")).await.unwrap_err().to_string();
    assert!(error.contains(&format!("cannot connect to http://127.0.0.1:{port}/p: ")), "{error}");
    assert!(error.contains("refused"), "{error}");
    let shown = format!("{error} {transport:?} {} {options:?}", transport.target());
    assert!(!shown.contains("hunter2") && !shown.contains("hidden"), "{shown}");
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_an_error() {
    let server =
        Server::start(|_, _| Reply { end: End::Missing(10), ..Reply::json("{\"status\":") });
    let error = server.transport().send(&request("up")).await.unwrap_err();
    assert!(error.to_string().contains("lost the connection"), "{error}");
}

#[test]
fn certificates_that_cannot_be_used_name_their_flags() {
    let junk = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(junk.path(), "not a certificate").unwrap();
    let path = || Some(junk.path().to_path_buf());
    let message = |options: ConnectionOptions| {
        DirectTransport::new("https://host", &options).unwrap_err().to_string()
    };
    let none = ConnectionOptions::default;
    let ca = message(ConnectionOptions { ca_file: path(), ..none() });
    assert!(ca.contains("--prometheus-ca") && ca.contains("no PEM certificate"), "{ca}");
    let half = message(ConnectionOptions { client_cert_file: path(), ..none() });
    assert!(half.contains("without --prometheus-client-key"), "{half}");
    let both =
        message(ConnectionOptions { client_cert_file: path(), client_key_file: path(), ..none() });
    assert!(both.contains("PEM"), "{both}");
    let two = message(ConnectionOptions {
        bearer_token_file: path(),
        basic_user: Some("ann".into()),
        ..none()
    });
    assert!(two.contains("only one"), "{two}");
}
