//! Headers that say who is asking. Values are read from files and never shown.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::options::{ConnectionOptions, Secret};
use super::transport::TransportError;

/// Largest token, password or PEM file that is read, bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// How requests are authenticated.
#[derive(Debug)]
pub(super) struct Auth {
    fixed: HeaderMap,
    scheme: Scheme,
}

#[derive(Debug)]
enum Scheme {
    None,
    Bearer(PathBuf),
    BasicFile { user: String, password: PathBuf },
    Basic { user: String, password: Secret },
}

impl Auth {
    /// Resolves the options. `user_info` is what stood in the URL; flags come before it.
    pub(super) fn new(
        options: &ConnectionOptions,
        user_info: Option<&(String, Secret)>,
    ) -> Result<Self, TransportError> {
        let mut fixed = HeaderMap::new();
        for (name, value) in &options.headers {
            let (name, value) = header(name, value)?;
            fixed.append(name, value);
        }
        let scheme = match (&options.bearer_token_file, &options.basic_user, user_info) {
            (Some(_), Some(_), _) => {
                return Err(TransportError::Local(
                    "--prometheus-bearer-token-file and --prometheus-basic-user are both given; \
                     a request can carry only one of them"
                        .to_owned(),
                ));
            }
            (Some(file), None, _) => Scheme::Bearer(file.clone()),
            (None, Some(user), _) => match &options.basic_password_file {
                Some(password) => {
                    Scheme::BasicFile { user: user.clone(), password: password.clone() }
                }
                None => Scheme::Basic { user: user.clone(), password: Secret(String::new()) },
            },
            (None, None, Some((user, password))) => {
                Scheme::Basic { user: user.clone(), password: password.clone() }
            }
            (None, None, None) => Scheme::None,
        };
        Ok(Self { fixed, scheme })
    }

    /// The headers of one request. Files are read anew, because tokens rotate; they are small, so
    /// that reading them in place costs less than handing the work to another thread.
    pub(super) fn headers(&self) -> Result<HeaderMap, TransportError> {
        let mut headers = self.fixed.clone();
        let value = match &self.scheme {
            Scheme::None => return Ok(headers),
            Scheme::Bearer(file) => {
                let flag = "--prometheus-bearer-token-file";
                let token = secret_file(flag, file)?;
                if token.0.is_empty() {
                    return Err(TransportError::Local(format!(
                        "{flag} {}: the file is empty",
                        file.display()
                    )));
                }
                secret_value(flag, &format!("Bearer {}", token.0))?
            }
            Scheme::BasicFile { user, password } => {
                let flag = "--prometheus-basic-password-file";
                basic(flag, user, &secret_file(flag, password)?)?
            }
            Scheme::Basic { user, password } => basic("--prometheus-basic-user", user, password)?,
        };
        headers.insert(AUTHORIZATION, value);
        Ok(headers)
    }
}

/// Shorter values are no secret worth hiding, and hiding them would make messages unreadable.
const MIN_SECRET_BYTES: usize = 8;

/// An error's text without the secrets that were sent: some proxies repeat what they refuse.
pub(super) fn without_secrets(text: Vec<u8>, sent: &HeaderMap) -> Vec<u8> {
    let values = sent.values().filter(|v| v.is_sensitive()).filter_map(|v| v.to_str().ok());
    // Without the scheme (`Bearer`), which says nothing.
    let mut secrets: Vec<&str> =
        values.map(|v| v.rsplit_once(' ').map_or(v, |(_, credentials)| credentials)).collect();
    secrets.retain(|s| s.len() >= MIN_SECRET_BYTES);
    let shown = String::from_utf8_lossy(&text);
    if !secrets.iter().any(|s| shown.contains(s)) {
        return text;
    }
    secrets.iter().fold(shown.into_owned(), |t, s| t.replace(s, "<redacted>")).into_bytes()
}

fn basic(flag: &str, user: &str, password: &Secret) -> Result<HeaderValue, TransportError> {
    secret_value(flag, &format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.0))))
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), TransportError> {
    let parsed = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| {
        TransportError::Local(format!("--prometheus-header: `{name}` is not a header name"))
    })?;
    Ok((parsed, secret_value(&format!("--prometheus-header {name}"), value.0.trim())?))
}

/// A header value that does not show in debug prints.
fn secret_value(flag: &str, text: &str) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        TransportError::Local(format!(
            "{flag}: the value has characters that a header cannot carry (a line break?)"
        ))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn secret_file(flag: &str, path: &Path) -> Result<Secret, TransportError> {
    let bytes = small_file(flag, path)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        TransportError::Local(format!("{flag} {}: the file is not text", path.display()))
    })?;
    Ok(Secret(text.trim().to_owned()))
}

/// A small file's bytes; an error names the flag and the file, never what is in it.
pub(super) fn small_file(flag: &str, path: &Path) -> Result<Vec<u8>, TransportError> {
    let fail = |why: String| TransportError::Local(format!("{flag} {}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| fail(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fail(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(fail(format!("the file is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn sent(options: &ConnectionOptions, user_info: Option<&(String, Secret)>) -> String {
        let headers = Auth::new(options, user_info).unwrap().headers().unwrap();
        headers[AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn tokens_are_read_anew() {
        let token = file(" one\n");
        let options = ConnectionOptions {
            bearer_token_file: Some(token.path().into()),
            ..ConnectionOptions::default()
        };
        let auth = Auth::new(&options, None).unwrap();
        assert_eq!(auth.headers().unwrap()[AUTHORIZATION], "Bearer one");
        std::fs::write(token.path(), "two").unwrap();
        assert_eq!(auth.headers().unwrap()[AUTHORIZATION], "Bearer two");
        assert!(!format!("{:?}", auth.headers().unwrap()).contains("two"));
    }

    #[test]
    fn basic_authentication_from_a_file_goes_before_the_url() {
        let password = file("s3cret\n");
        let options = ConnectionOptions {
            basic_user: Some("ann".into()),
            basic_password_file: Some(password.path().into()),
            ..ConnectionOptions::default()
        };
        let in_url = ("bob".to_owned(), Secret("x".into()));
        // base64("ann:s3cret"), base64("bob:x")
        assert_eq!(sent(&options, Some(&in_url)), "Basic YW5uOnMzY3JldA==");
        assert_eq!(sent(&ConnectionOptions::default(), Some(&in_url)), "Basic Ym9iOng=");
    }

    #[test]
    fn what_is_wrong_names_the_flag_and_hides_the_value() {
        let token = file("hunter2\nhunter3");
        let with_token = |path: PathBuf| ConnectionOptions {
            bearer_token_file: Some(path),
            ..ConnectionOptions::default()
        };
        let error = |options: &ConnectionOptions| {
            let auth = Auth::new(options, None);
            auth.and_then(|auth| auth.headers()).unwrap_err().to_string()
        };
        let two_lines = error(&with_token(token.path().into()));
        assert!(two_lines.contains("--prometheus-bearer-token-file"), "{two_lines}");
        assert!(!two_lines.contains("hunter"), "{two_lines}");
        assert!(error(&with_token("/no/such/file".into())).contains("/no/such/file"));
        let empty = file("\n");
        assert!(error(&with_token(empty.path().into())).contains("empty"));
        let bad_header = ConnectionOptions {
            headers: vec![("X-Key".into(), Secret("hunter2\nx".into()))],
            ..ConnectionOptions::default()
        };
        let message = error(&bad_header);
        assert!(message.contains("--prometheus-header X-Key"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}
