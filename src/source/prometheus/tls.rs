//! Encryption: the crypto library, certificate authorities, client certificates.

use reqwest::{Certificate, ClientBuilder, Identity};

use super::auth::small_file;
use super::options::ConnectionOptions;
use super::transport::TransportError;

/// Makes `ring` the crypto library of this process. Safe to call any number of times, and from
/// several threads; a provider that is installed already stays.
pub fn install_crypto_provider() {
    // An error only says that there is one already, which is all that is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// A client builder with the certificates of `options`.
pub(super) fn configured(
    builder: ClientBuilder,
    options: &ConnectionOptions,
    https: bool,
) -> Result<ClientBuilder, TransportError> {
    install_crypto_provider();
    let mut builder = builder.tls_danger_accept_invalid_certs(options.insecure_skip_tls_verify);
    if !https {
        // Loading the system's certificates fails in an image that has none, for nothing.
        return Ok(builder.tls_certs_only([]));
    }
    if let Some(file) = &options.ca_file {
        let pem = small_file("--prometheus-ca", file)?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(TransportError::Local(format!(
                "--prometheus-ca {}: no PEM certificate in it",
                file.display()
            )));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    match (&options.client_cert_file, &options.client_key_file) {
        (None, None) => Ok(builder),
        (Some(cert), Some(key)) => {
            let mut pem = small_file("--prometheus-client-cert", cert)?;
            pem.push(b'\n');
            pem.extend(small_file("--prometheus-client-key", key)?);
            let identity = Identity::from_pem(&pem).map_err(|_| {
                TransportError::Local(format!(
                    "--prometheus-client-cert {} and --prometheus-client-key {}: \
                     need a PEM certificate in the one and its unencrypted PEM key in the other",
                    cert.display(),
                    key.display()
                ))
            })?;
            Ok(builder.identity(identity))
        }
        (Some(_), None) => Err(missing("--prometheus-client-cert", "--prometheus-client-key")),
        (None, Some(_)) => Err(missing("--prometheus-client-key", "--prometheus-client-cert")),
    }
}

fn missing(given: &str, needed: &str) -> TransportError {
    TransportError::Local(format!("{given} is given without {needed}; a client needs both"))
}
