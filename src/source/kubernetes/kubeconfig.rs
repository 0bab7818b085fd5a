//! Finding and reading the kubeconfig, with errors that say where was looked and what there is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::client::ClusterError;
use super::options::ClusterOptions;

/// What of the process's environment decides which cluster is meant.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    /// `KUBECONFIG`.
    pub(super) kubeconfig: Option<OsString>,
    /// The home folder.
    pub(super) home: Option<PathBuf>,
    /// Whether this runs in a pod.
    pub(super) in_cluster: bool,
}

impl Environment {
    /// The real one. These variables are Kubernetes' own, not settings of this tool.
    pub(super) fn of_process() -> Self {
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            home: std::env::home_dir(),
            in_cluster: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
        }
    }

    /// Files that are looked at when none is named, as kubectl does.
    fn paths(&self) -> Vec<PathBuf> {
        match (&self.kubeconfig, &self.home) {
            (Some(list), _) => {
                std::env::split_paths(list).filter(|p| !p.as_os_str().is_empty()).collect()
            }
            (None, Some(home)) => vec![home.join(".kube").join("config")],
            (None, None) => Vec::new(),
        }
    }
}

/// How the cluster is to be reached.
pub(super) enum Access {
    /// As a context of a kubeconfig says.
    Context {
        /// The merged files.
        kubeconfig: Box<Kubeconfig>,
        /// Name of the context.
        context: String,
    },
    /// As a pod of the cluster.
    InCluster,
}

impl Access {
    /// What kube calls the choice of a context.
    pub(super) fn options(context: &str) -> KubeConfigOptions {
        KubeConfigOptions { context: Some(context.to_owned()), cluster: None, user: None }
    }
}

/// Which cluster `options` means.
pub(super) fn locate(
    options: &ClusterOptions,
    environment: &Environment,
) -> Result<Access, ClusterError> {
    let (paths, existing) = match &options.kubeconfig {
        Some(path) => (vec![path.clone()], vec![path.clone()]),
        None => {
            let paths = environment.paths();
            let existing = paths.iter().filter(|path| path.is_file()).cloned().collect();
            (paths, existing)
        }
    };
    if existing.is_empty() {
        if environment.in_cluster && options.context.is_none() {
            return Ok(Access::InCluster);
        }
        return Err(ClusterError::NoKubeconfig { looked_at: paths });
    }
    let mut merged = Kubeconfig::default();
    for path in &existing {
        let next = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
        merged = merged.merge(next).map_err(|error| unreadable(path, &error))?;
    }
    let context = context_of(&merged, options.context.as_deref(), &existing)?;
    Ok(Access::Context { kubeconfig: Box::new(merged), context })
}

fn context_of(
    kubeconfig: &Kubeconfig,
    wanted: Option<&str>,
    files: &[PathBuf],
) -> Result<String, ClusterError> {
    let mut known: Vec<String> = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
    known.sort();
    let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
    match wanted.or(current) {
        Some(name) if known.iter().any(|k| k == name) => Ok(name.to_owned()),
        Some(name) => Err(ClusterError::UnknownContext {
            name: name.to_owned(),
            known,
            files: files.to_vec(),
        }),
        None => Err(ClusterError::NoCurrentContext { known, files: files.to_vec() }),
    }
}

/// The parser's own message is not used: it may quote the file, and there are tokens in it.
fn unreadable(path: &Path, error: &KubeconfigError) -> ClusterError {
    let reason = match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => {
                format!("not a valid kubeconfig (line {}, column {})", at.line(), at.column())
            }
            None => "not a valid kubeconfig".to_owned(),
        },
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => error.to_string(),
        _ => "not a valid kubeconfig".to_owned(),
    };
    ClusterError::Kubeconfig { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    const TWO_CONTEXTS: &str = "
apiVersion: v1
kind: Config
contexts:
- {name: prod, context: {cluster: c, user: u}}
- {name: dev, context: {cluster: c, user: u}}
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {token: HIDDEN}}]
";

    fn message(options: &ClusterOptions, environment: &Environment) -> String {
        locate(options, environment).err().expect("an error").to_string()
    }

    #[test]
    fn without_any_file_the_error_names_the_places_and_the_flags() {
        let environment = Environment { home: Some("/home/x".into()), ..Environment::default() };
        let error = message(&ClusterOptions::default(), &environment);
        assert!(
            error.contains("/home/x/.kube/config") && error.contains("--kubeconfig"),
            "{error}"
        );
        let environment =
            Environment { kubeconfig: Some("/a/one:/b/two".into()), ..Environment::default() };
        let error = message(&ClusterOptions::default(), &environment);
        assert!(error.contains("/a/one, /b/two"), "{error}");
    }

    #[test]
    fn in_a_pod_no_file_is_needed() {
        let environment = Environment { in_cluster: true, ..Environment::default() };
        let access = locate(&ClusterOptions::default(), &environment);
        assert!(matches!(access, Ok(Access::InCluster)));
    }

    #[test]
    fn contexts_are_listed_when_the_wanted_one_is_unknown() {
        let file = file(TWO_CONTEXTS);
        let of = |context: Option<&str>| ClusterOptions {
            kubeconfig: Some(file.path().to_owned()),
            context: context.map(str::to_owned),
        };
        let environment = Environment::default();
        let error = message(&of(Some("staging")), &environment);
        assert!(error.contains("\"staging\"") && error.contains("dev, prod"), "{error}");
        let error = message(&of(None), &environment);
        assert!(error.contains("no current context") && error.contains("dev, prod"), "{error}");
        assert!(!error.contains("HIDDEN"));
        let access = locate(&of(Some("dev")), &environment);
        assert!(matches!(access, Ok(Access::Context { context, .. }) if context == "dev"));
    }

    #[test]
    fn a_broken_file_is_named_and_not_quoted() {
        let file = file("apiVersion: v1\nusers: [{name: u, user: {token: [HIDDEN]}}]\n");
        let options = ClusterOptions { kubeconfig: Some(file.path().to_owned()), context: None };
        let error = message(&options, &Environment::default());
        assert!(error.contains("not a valid kubeconfig (line 2"), "{error}");
        assert!(!error.contains("HIDDEN"), "{error}");
        let options = ClusterOptions { kubeconfig: Some("/no/such".into()), context: None };
        assert!(message(&options, &Environment::default()).contains("/no/such"));
    }
}
