//! How long built functions take from the start of their process to their first request for work, beside a function that
//! does nothing: `cold_start FOLDER EMPTY [ROUNDS]`, where FOLDER has NAME/bootstrap and EMPTY is the other's program.
//! Each round starts each of them once; `infra/release/cold-start` builds what it takes.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people; one that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use muster_local::{FUNCTIONS, Options, Stack};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;

/// What one start took.
#[derive(Clone, Copy)]
struct Start {
    ms: f64,
    cpu_ms: f64,
    peak_mib: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, empty, rounds @ ..] = arguments.as_slice() else { panic!("cold_start FOLDER EMPTY [ROUNDS]") };
    let rounds: usize = rounds.first().map_or(20, |rounds| rounds.parse().unwrap());
    // For what the functions are told; it runs none of them.
    let functions = Some(PathBuf::from(folder));
    let options = Options { in_memory: true, deliver: false, functions, ..Options::default() };
    let stack = Stack::start(options).await.unwrap();
    let programs = FUNCTIONS.map(|function| (function, stack.program_of(function)));
    let programs: Vec<_> = [("(empty)", PathBuf::from(empty))].into_iter().chain(programs).collect();
    let mut starts = vec![Vec::new(); programs.len()];
    for _ in 0..rounds {
        for ((function, program), starts) in programs.iter().zip(&mut starts) {
            starts.push(start(program, function, &stack.environment_of(function)).await);
        }
    }
    stack.stop().await;
    println!(
        "{:<16} {:>8} {:>8} {:>8} {:>9}   medians of {rounds}",
        "function", "start ms", "x empty", "CPU ms", "peak MiB"
    );
    let median_ms = |starts: &[Start]| median(starts, |start| start.ms);
    let empty_ms = median_ms(&starts[0]);
    for ((function, _), starts) in programs.iter().zip(&starts) {
        let (ms, cpu_ms) = (median_ms(starts), median(starts, |start| start.cpu_ms));
        let peak = median(starts, |start| start.peak_mib);
        println!("{function:<16} {ms:>8.1} {:>8.2} {cpu_ms:>8.1} {peak:>9.1}", ms / empty_ms);
    }
}

/// Starts a program; it ends when it has asked for work.
async fn start(program: &Path, function: &str, told: &[(String, String)]) -> Start {
    let runtime_api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = Command::new(program);
    command.env_clear().envs(told.iter().map(|(name, value)| (name, value)));
    command.env("AWS_LAMBDA_RUNTIME_API", runtime_api.local_addr().unwrap().to_string());
    command.env("AWS_LAMBDA_FUNCTION_NAME", function).env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512").env("AWS_LAMBDA_LOG_GROUP_NAME", function);
    command
        .env("AWS_LAMBDA_LOG_STREAM_NAME", function)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let asked = async {
        let (mut socket, _) = runtime_api.accept().await.unwrap();
        let mut request = [0; 1024];
        let length = socket.read(&mut request).await.unwrap();
        (begin.elapsed(), String::from_utf8_lossy(&request[..length]).into_owned(), socket)
    };
    let (took, request, _socket) = tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap();
    assert!(request.starts_with("GET /2018-06-01/runtime/invocation/next"), "{function} asks {request}");
    let process = child.id().unwrap();
    let told = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
    // Nanoseconds of its only thread that works.
    let cpu_ns: f64 = told("schedstat").split(' ').next().unwrap().parse().unwrap();
    let status = told("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    let start =
        Start { ms: took.as_secs_f64() * 1e3, cpu_ms: cpu_ns / 1e6, peak_mib: peak.parse::<f64>().unwrap() / 1024.0 };
    child.kill().await.unwrap();
    start
}

fn median(starts: &[Start], of: impl Fn(&Start) -> f64) -> f64 {
    let mut all: Vec<f64> = starts.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
