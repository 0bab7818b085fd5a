use std::time::{Duration, Instant};

use super::super::decode;
use super::super::requests;
use super::super::testing::{QUICK_BACKOFF, Reply, Server, quick_options};
use super::*;

fn api(server: &Server) -> Api {
    Api::new(server.transport(), quick_options()).with_backoff(QUICK_BACKOFF)
}

async fn ask(api: &Api) -> Result<Reply2, ApiError> {
    let request = requests::instant("up", 1_000, Duration::from_secs(1));
    api.call(&request, decode::series).await
}

type Reply2 = super::Reply<decode::SeriesData>;

async fn failure(server: &Server) -> ApiError {
    ask(&api(server)).await.unwrap_err()
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says_so() {
    let server = Server::start(|_, number| match number {
        0 => Reply::error(429, "too_many_requests", "slow down").with_header("Retry-After", "1"),
        1 => Reply::new(503, "starting"),
        _ => Reply::matrix(""),
    });
    let start = Instant::now();
    ask(&api(&server)).await.unwrap();
    assert_eq!(server.seen().len(), 3);
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After was not honoured");
}

#[tokio::test]
async fn tries_are_bounded() {
    let server = Server::start(|_, _| Reply::new(500, "boom\u{1b}[31m"));
    let error = failure(&server).await;
    assert_eq!(error.to_string(), "HTTP 500 Internal Server Error: boom [31m");
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_refusal_is_final() {
    for (status, text) in [(400, "parse error"), (401, ""), (403, ""), (404, ""), (422, "no")] {
        let server = Server::start(move |_, _| Reply::error(status, "bad_data", text));
        let error = failure(&server).await;
        assert_eq!(server.seen().len(), 1, "{status}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        if matches!(status, 401 | 403) {
            assert!(error.hint().unwrap().contains("--prometheus-bearer-token-file"));
        }
    }
}

#[tokio::test]
async fn a_slow_server_is_not_waited_for() {
    let server = Server::start(|_, _| Reply::matrix("").after(Duration::from_secs(3)));
    let start = Instant::now();
    let error = failure(&server).await;
    assert_eq!(error, ApiError::Timeout(Duration::from_millis(400)));
    assert_eq!(server.seen().len(), 2);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_web_page_is_not_an_answer() {
    let page = "<!DOCTYPE html><html>Log in</html>";
    let server = Server::start(move |_, _| {
        Reply::json(page).with_header("Content-Type", "text/html; charset=utf-8")
    });
    let error = failure(&server).await;
    assert_eq!(error, ApiError::WebPage);
    assert!(error.hint().unwrap().contains("path prefix"));
    let unmarked = Server::start(move |_, _| Reply::json(page));
    assert_eq!(failure(&unmarked).await, ApiError::WebPage);
    let empty = Server::start(|_, _| Reply::json("").with_header("Content-Type", "text/html"));
    assert_eq!(failure(&empty).await, ApiError::WebPage);
}

#[tokio::test]
async fn truncation_says_where() {
    let body = r#"{"status":"success","data":{"resu"#;
    let server = Server::start(move |_, _| Reply::json(body));
    let error = failure(&server).await;
    assert_eq!(error.to_string(), format!("the answer is truncated at byte {}", body.len()));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_error_in_a_success_is_an_error() {
    let server = Server::start(|_, _| Reply::error(200, "execution", "too many samples"));
    let error = failure(&server).await;
    assert!(error.asks_for_less());
    assert!(error.to_string().ends_with("execution: too many samples"), "{error}");
}

#[tokio::test]
async fn a_server_that_went_away_is_left_alone_after_a_while() {
    let server = Server::start(|_, _| Reply::new(503, ""));
    let options = ReadOptions { max_attempts: 1, max_concurrent: 2, ..quick_options() };
    let api = Api::new(server.transport(), options).with_backoff(QUICK_BACKOFF);
    for _ in 0..30 {
        ask(&api).await.unwrap_err();
    }
    // 2 × 2 + 16 failures in a row are enough.
    assert_eq!(server.seen().len(), 20);
    let error = ask(&api).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not asked any more after 20 failures in a row; the last: HTTP 503 Service Unavailable"
    );
}

#[tokio::test]
async fn no_more_requests_in_flight_than_allowed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|_, _| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(30));
        NOW.fetch_sub(1, Ordering::SeqCst);
        Reply::matrix("")
    });
    let api = Api::new(server.transport(), ReadOptions { max_concurrent: 3, ..quick_options() });
    let all = futures::future::join_all((0..12).map(|_| ask(&api))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(MOST.load(Ordering::SeqCst), 3);
}
