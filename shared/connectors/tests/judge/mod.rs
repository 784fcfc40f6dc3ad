//! Prism serving a provider's own specification on loopback: it refuses what the specification does not allow.

mod http;

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) use http::Answer;
use muster_connectors::HttpRequest;

/// The newest that runs on Node 18 and 20.
const VERSION: &str = "5.14.2";
/// Prism is there in 4 seconds; a busy machine may be much slower.
const LONGEST_START: Duration = Duration::from_secs(120);

/// A running Prism; ends with it.
pub(crate) struct Judge {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Judge {
    /// Prism serving `tests/fixtures/openapi/{spec}`; `None`, said on the terminal, where npm or Prism is not to be
    /// had. With `CI_HAS_NPM` set that is a failure.
    pub(crate) fn of(spec: &str) -> Option<Self> {
        match installed() {
            Ok(prism) => Some(Self::start(&prism, spec)),
            Err(why) => {
                assert!(std::env::var_os("CI_HAS_NPM").is_none(), "no Prism, although CI_HAS_NPM is set: {why}");
                // Past the test harness, which shows nothing of tests that pass.
                let told = format!("\nSKIPPED: requests are NOT judged by {spec}: {why}\n\n");
                std::io::stderr().write_all(told.as_bytes()).unwrap();
                None
            }
        }
    }

    fn start(prism: &Path, spec: &str) -> Self {
        let spec_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openapi").join(spec);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prism-{port}.log"));
        let out = File::create(&log).unwrap();
        let child = Command::new("node")
            .arg(prism)
            .args(["mock", "--multiprocess", "false", "--host", "127.0.0.1", "--port", &port.to_string()])
            .arg(spec_path)
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut judge = Self { child, port, log };
        judge.wait();
        judge
    }

    fn wait(&mut self) {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = self.child.try_wait().unwrap();
            let running = ended.is_none() && began.elapsed() < LONGEST_START;
            assert!(running, "Prism does not answer ({ended:?}): {}", std::fs::read_to_string(&self.log).unwrap());
            sleep(Duration::from_millis(100));
        }
    }

    /// Where it is, for `base_url`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it answers.
    pub(crate) fn ask(&self, request: &HttpRequest) -> Answer {
        let path = request.url.strip_prefix(&self.url()).unwrap_or_else(|| panic!("{request:?} goes elsewhere"));
        http::send(self.port, path, request)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let group = format!("kill -s KILL -- -{}", self.child.id());
        let _ = Command::new("sh").args(["-c", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

/// Prism's program, installed into the target folder when it is not there (90 MB, 10 seconds).
fn installed() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(install).clone()
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prism-{VERSION}"));
    let program = folder.join("node_modules/@stoplight/prism-cli/dist/index.js");
    run(Command::new("node").arg("--version"))?;
    // Half an installation has the program and does not run.
    if !runs(&program) {
        let package = format!("@stoplight/prism-cli@{VERSION}");
        run(Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&folder)
            .arg(package))?;
        if !runs(&program) {
            return Err(format!("Prism {VERSION} does not run on this Node"));
        }
    }
    Ok(program)
}

fn runs(program: &Path) -> bool {
    let said = run(Command::new("node").arg(program).arg("--version"));
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim() == VERSION)
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
