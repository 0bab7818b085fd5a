//! Where a metric server is: a base URL with an optional path prefix, apart from its credentials.

use url::Url;

use super::options::Secret;
use super::transport::TransportError;

/// A base URL without credentials, and the credentials that stood in it.
#[derive(Debug, Clone)]
pub(super) struct Address {
    base: Url,
    target: String,
    user_info: Option<(String, Secret)>,
}

impl Address {
    /// Takes a URL as a user types it.
    pub(super) fn parse(text: &str) -> Result<Self, TransportError> {
        let shown = without_user_info(text.trim());
        let fail = |why: &str| {
            TransportError::Local(format!(
                "--prometheus `{shown}`: {why}; write it like https://prometheus.example:9090/prefix"
            ))
        };
        let mut base = Url::parse(text.trim()).map_err(|error| fail(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(fail("only http:// and https:// URLs can be read"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(fail("a `?` or `#` part cannot be kept"));
        }
        let user_info = (!base.username().is_empty() || base.password().is_some()).then(|| {
            let password = Secret(decoded(base.password().unwrap_or_default()));
            (decoded(base.username()), password)
        });
        let cleared = base.set_username("").and_then(|()| base.set_password(None));
        cleared.map_err(|()| fail("its user and password cannot be taken out"))?;
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let target = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { base, target, user_info })
    }

    /// The URL for people; no credentials in it.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// User and password that stood in the URL.
    pub(super) fn user_info(&self) -> Option<&(String, Secret)> {
        self.user_info.as_ref()
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether the server is on this machine (or at the end of a port-forward to it).
    pub(super) fn is_loopback(&self) -> bool {
        match self.base.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    /// The URL of an API path, which starts with a slash.
    pub(super) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Where a redirect may be followed to: the same scheme, host and port only, because headers
    /// with secrets travel along.
    pub(super) fn redirected(&self, from: &Url, location: &str) -> Result<Url, TransportError> {
        let next = from.join(location).map_err(|_| {
            TransportError::Redirected(format!(
                "{} redirects to an address that is not a URL",
                self.target
            ))
        })?;
        if next.origin() == self.base.origin() {
            return Ok(next);
        }
        let mut elsewhere = next;
        elsewhere.set_query(None);
        elsewhere.set_fragment(None);
        Err(TransportError::Redirected(format!(
            "{} redirects to {}, which is not followed because credentials would go along; \
             give that URL if it is the metric server, or log in some other way if it is a login page",
            self.target,
            without_user_info(elsewhere.as_str())
        )))
    }
}

/// Text of a URL with whatever stands before an `@` of its authority taken out.
fn without_user_info(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(s, r)| (s, r));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password with a bare `/` in it breaks the authority in two: then hide up to the last `@`.
    let at = rest[..end].rfind('@').or_else(|| rest.rfind('@'));
    let rest = at.map_or_else(|| rest.to_owned(), |at| format!("<redacted>@{}", &rest[at + 1..]));
    if scheme.is_empty() { rest } else { format!("{scheme}://{rest}") }
}

fn decoded(text: &str) -> String {
    // `form_urlencoded` would turn `+` into a space, which user information does not.
    let plus_kept = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("k={}", plus_kept.replace('&', "%26")).as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_kept_and_credentials_are_not() {
        let address = Address::parse("https://ann:p%40s+s@host:9090/prometheus/").unwrap();
        assert_eq!(address.target(), "https://host:9090/prometheus");
        let (user, password) = address.user_info().unwrap();
        assert_eq!((user.as_str(), password.0.as_str()), ("ann", "p@s+s"));
        assert_eq!(
            address.endpoint("/api/v1/query").as_str(),
            "https://host:9090/prometheus/api/v1/query"
        );
        assert!(!format!("{address:?}").contains("p@s"));
        let plain = Address::parse("http://127.0.0.1:9090").unwrap();
        assert_eq!(plain.target(), "http://127.0.0.1:9090");
        assert_eq!(plain.endpoint("/api/v1/query").path(), "/api/v1/query");
        assert!(plain.is_loopback() && !plain.is_https());
        assert!(Address::parse("http://[::1]:9090").unwrap().is_loopback());
        assert!(!address.is_loopback());
    }

    #[test]
    fn a_bad_url_is_shown_without_its_password() {
        for bad in [
            "ftp://ann:hunter2@host",
            "https://ann:hunter2@host/?x=1",
            "https://ann:hunter2@host:port",
            "http://ann:hun/ter2@host",
            "ann:hunter2@host",
            "prometheus:9090",
            "",
        ] {
            let error = Address::parse(bad).unwrap_err().to_string();
            assert!(error.contains("--prometheus `"), "{error}");
            assert!(!error.contains("hunter2") && !error.contains("ter2"), "{error}");
        }
    }

    #[test]
    fn redirects_stay_on_the_server() {
        let address = Address::parse("http://host:9090/a").unwrap();
        let from = address.endpoint("/api/v1/query");
        let next = address.redirected(&from, "/b/api/v1/query?query=1").unwrap();
        assert_eq!(next.as_str(), "http://host:9090/b/api/v1/query?query=1");
        for elsewhere in ["https://host:9090/a", "http://login.example/?token=hunter2", "//other/"]
        {
            let error = address.redirected(&from, elsewhere).unwrap_err().to_string();
            assert!(error.contains("redirects to"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
