//! A small API server in this process: it keeps objects with UIDs and versions, and misbehaves as a test wants.
//!
//! What it refuses, it refuses as a real one does (`api-answers.txt` of the recordings of Kubernetes 1.36 is where its
//! sentences are from). It has no controllers but the one that lets go of a deleted claim that nobody has reserved.

pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod objects;
pub(crate) mod rights;
pub(crate) mod store;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) use self::faults::{Fault, Pick, What};
use self::http::{Ending, HttpRequest, Reply, Served};
use self::rights::Rule;
use self::store::{Outcome, Resource, Store, served};

/// A request that came: who asks for what, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    pub verb: &'static str,
    pub group: String,
    pub resource: String,
    pub namespace: String,
    pub name: String,
    pub dry_run: bool,
    pub status: u16,
}

impl Logged {
    /// Whether it is a write to an object that is cleaned up.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(self.verb, "get" | "list")
            && !self.dry_run
            && !["leases", "events"].contains(&self.resource.as_str())
    }
}

#[derive(Default)]
struct Shared {
    store: Store,
    faults: Vec<Fault>,
    denied: BTreeSet<(String, String)>,
    log: Vec<Logged>,
    child: Option<u32>,
    rules: Option<Vec<Rule>>,
    metrics: Option<String>,
}

/// The server; it ends with the value.
pub(crate) struct ApiServer {
    shared: Arc<Mutex<Shared>>,
    http: http::Http,
    folder: tempfile::TempDir,
}

impl ApiServer {
    /// A server with `kube-system`, `default` and these objects.
    pub(crate) fn with(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut store = Store::default();
        for name in ["kube-system", "default"] {
            store.put(objects::namespace(name, &json!({})));
        }
        objects.into_iter().for_each(|object| store.put(object));
        let shared = Arc::new(Mutex::new(Shared { store, ..Shared::default() }));
        let http = http::Http::start({
            let shared = Arc::clone(&shared);
            move |request| answer(&shared, request)
        });
        let folder = tempfile::tempdir().expect("a folder");
        let this = Self { shared, http, folder };
        fs::write(this.kubeconfig(), kubeconfig(&this.http.url())).expect("written");
        this
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().expect("no panic")
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A folder of the server's own, in which commands run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in that folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What goes wrong from now on.
    pub(crate) fn misbehave(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared().faults = faults.into_iter().collect();
    }

    /// Verbs on resources that are forbidden.
    pub(crate) fn deny(&self, verb: &str, resource: &str) {
        self.shared().denied.insert((verb.to_owned(), resource.to_owned()));
    }

    /// Only what these rules grant is allowed from now on.
    pub(crate) fn grant(&self, rules: Vec<Rule>) {
        self.shared().rules = Some(rules);
    }

    /// The address of the metric server behind every service.
    pub(crate) fn metrics_at(&self, address: String) {
        self.shared().metrics = Some(address);
    }

    /// The process that is killed by [`What::KillBefore`] and [`What::KillAfter`].
    pub(crate) fn victim(&self, pid: u32) {
        self.shared().child = Some(pid);
    }

    /// Everything that was asked.
    pub(crate) fn log(&self) -> Vec<Logged> {
        self.shared().log.clone()
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        self.shared().log.clear();
    }

    /// Writes that were stored, in order.
    pub(crate) fn writes(&self) -> Vec<String> {
        let log = self.log();
        let writes = log.iter().filter(|l| l.is_write() && l.status < 300);
        writes.map(|l| format!("{} {} {}/{}", l.verb, l.resource, l.namespace, l.name)).collect()
    }

    /// (verb, group, resource) of everything that was asked.
    pub(crate) fn permissions(&self) -> BTreeSet<(String, String, String)> {
        let log = self.log();
        log.into_iter().map(|l| (l.verb.to_owned(), l.group, l.resource)).collect()
    }

    /// An object as it is.
    pub(crate) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.shared().store.find(plural, namespace, name).cloned()
    }

    /// Somebody else changes, makes or deletes something.
    pub(crate) fn somebody(&self, does: impl FnOnce(&mut Store)) {
        does(&mut self.shared().store);
    }

    /// Everything but Leases and Events, without UIDs and versions.
    pub(crate) fn picture(&self) -> Vec<Value> {
        self.shared().store.picture()
    }

    /// Claims that were deleted while somebody had them reserved.
    pub(crate) fn robbed(&self) -> Vec<String> {
        self.shared().store.robbed.clone()
    }
}

fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         contexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n\
         users: [{{name: u, user: {{token: s3cret}}}}]\n"
    )
}

/// What a path is about.
struct Asked {
    resource: &'static Resource,
    namespace: String,
    name: String,
}

fn asked(path: &str) -> Option<Asked> {
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group_version, skip) = match *parts.first()? {
        "api" => (parts.get(1)?.to_string(), 2),
        "apis" => (format!("{}/{}", parts.get(1)?, parts.get(2)?), 3),
        _ => return None,
    };
    parts.drain(..skip);
    let (namespace, rest) = match parts.as_slice() {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let (plural, name) = match rest {
        [plural] => (*plural, ""),
        [plural, name] => (*plural, *name),
        _ => return None,
    };
    let resource =
        served().iter().find(|r| r.api_version == group_version && r.plural == plural)?;
    Some(Asked { resource, namespace: namespace.to_owned(), name: name.to_owned() })
}

/// A request that was understood.
struct Request {
    asked: Asked,
    entry: Logged,
    query: Vec<(String, String)>,
    body: Value,
}

impl Request {
    fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

fn understood(request: &HttpRequest) -> Option<Request> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let asked = asked(path)?;
    let verb = match (request.method.as_str(), asked.name.is_empty()) {
        ("GET", false) => "get",
        ("GET", true) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        _ => "delete",
    };
    let is_tried = |(k, v): &(String, String)| k == "dryRun" && v == "All";
    let group = asked.resource.api_version.split_once('/').map_or("", |(group, _)| group);
    let entry = Logged {
        verb,
        group: group.to_owned(),
        resource: asked.resource.plural.to_owned(),
        namespace: asked.namespace.clone(),
        name: asked.name.clone(),
        dry_run: query.iter().any(is_tried) || body["dryRun"] == json!(["All"]),
        status: 0,
    };
    Some(Request { asked, entry, query, body })
}

fn answer(shared: &Mutex<Shared>, request: &HttpRequest) -> Served {
    let mut at = shared.lock().expect("no panic");
    let beside = rights::reviewed(&at, request).or_else(|| rights::proxied(&mut at, request));
    drop(at);
    if let Some(reply) = beside {
        return Served::whole(reply);
    }
    let Some(mut request) = understood(request) else {
        let path = request.target.split('?').next().unwrap_or_default();
        let found = store::discovery(path);
        let none = || refuse(404, "NotFound", "no such path");
        return Served::whole(found.as_ref().map_or_else(none, Reply::ok));
    };
    let dropped = |reply| Served { reply, ending: Ending::Drop };
    let mut at = shared.lock().expect("no panic");
    let what = faults::due(&mut at.faults, &request.entry);
    match &what {
        Some(What::KillBefore) => {
            drop(at);
            kill(shared);
            return dropped(Reply::nothing());
        }
        Some(What::DropBefore) => return dropped(Reply::nothing()),
        Some(What::Status(code, reason, message, retry_after)) => {
            request.entry.status = *code;
            at.log.push(request.entry);
            let reply = refuse(*code, reason, message);
            return Served::whole(Reply { retry_after: *retry_after, ..reply });
        }
        Some(What::Meanwhile(does)) => does(&mut at.store),
        _ => {}
    }
    let reply = handle(&mut at, &request);
    request.entry.status = reply.status;
    at.log.push(request.entry);
    drop(at);
    match what {
        Some(What::KillAfter) => {
            kill(shared);
            dropped(reply)
        }
        Some(What::DropAfter) => dropped(reply),
        Some(What::FailAfter) => {
            Served::whole(refuse(500, "InternalError", "etcdserver: request timed out"))
        }
        _ => Served::whole(reply),
    }
}

/// What a server that is well answers.
fn handle(at: &mut Shared, request: &Request) -> Reply {
    let Request { asked: Asked { resource, namespace, name }, entry, body, .. } = request;
    let (verb, tried) = (entry.verb, entry.dry_run);
    if at.denied.contains(&(verb.to_owned(), resource.plural.to_owned())) {
        let text = format!("User \"u\" cannot {verb} resource \"{}\"", resource.plural);
        return refuse(403, "Forbidden", &text);
    }
    if let Some(reply) = rights::denied(at, entry) {
        return reply;
    }
    let store = &mut at.store;
    let outcome = match verb {
        "get" => store.read(resource, namespace, name),
        "list" => {
            store.list(resource, namespace, request.param("limit"), request.param("continue"))
        }
        "create" => store.create(resource, namespace, body.clone(), tried),
        "update" => store.replace(resource, namespace, name, body.clone(), tried),
        "patch" => store.patch(resource, namespace, name, body, tried),
        _ => store.delete(resource, namespace, name, body, tried),
    };
    match outcome {
        Outcome::Ok(code, value) => Reply::of(code, &value),
        Outcome::Refused(code, reason, message) => refuse(code, reason, &message),
    }
}

fn refuse(code: u16, reason: &str, message: &str) -> Reply {
    Reply::of(
        code,
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": reason, "message": message, "code": code,
        }),
    )
}

/// SIGKILL to the process under test, and its end awaited: nothing of it runs after this.
fn kill(shared: &Mutex<Shared>) {
    let begun = Instant::now();
    let pid = loop {
        if let Some(pid) = shared.lock().expect("no panic").child {
            break pid;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody says whom to kill");
        std::thread::sleep(Duration::from_millis(2));
    };
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.expect("kill is there").success());
    while is_running(pid) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    // A zombie has ended; its parent has not looked yet.
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
