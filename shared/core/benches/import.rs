//! What an import costs, as ratios of processor time in one run: each round measures every phase in
//! a process of its own, next to the floor: the csv crate merely counting the file's records.
//!
//! `cargo bench -p muster-core --bench import -- [rows] [rounds] [phase]`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for developers")]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use muster_core::file::{self, Keys, Limits};
use muster_core::listing::{CompareInput, Decisions, Scratch, ScratchFile, compare};
use muster_core::mapping::Mapping;
use muster_core::roster::{Hasher, Roster, fingerprint};
use muster_core::settings::Settings;
use people_gen::{COLUMNS, Options, field_of};

/// Phase, its file, the floor it is compared with, and the ratio to reach.
const PHASES: [(&str, &str, f64); 6] = [
    ("day 2, clean", "day2.csv", 1.0),
    ("day 2, needless quotes", "noise.csv", 2.0),
    ("unchanged file", "day1.csv", 1.0),
    ("all rows read, no phones", "day2.csv", 3.0),
    ("all rows read, phones", "day2.csv", 6.0),
    ("first import", "day1.csv", 5.0),
];

struct Temporary(PathBuf);
impl Scratch for Temporary {
    fn file(&self) -> io::Result<Box<dyn ScratchFile>> {
        static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = self.0.join(format!("scratch-{}-{number}", std::process::id()));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        fs::remove_file(path)?;
        Ok(Box::new(file))
    }
}

fn settings(phones: bool) -> Settings {
    let mut text = "account = \"acme\"\nname = \"N\"\ndefault_country = \"US\"\n".to_owned();
    for column in COLUMNS {
        let field = field_of(column).unwrap();
        if !phones && (field.starts_with("text") || field.starts_with("voice")) {
            continue;
        }
        text.push_str(&format!("[fields.{field}]\nfrom = \"{column}\"\n"));
        match field {
            "employment_status" => text.push_str("values = { A = \"active\", L = \"inactive\", T = \"terminated\" }\n"),
            "start_date" | "end_date" => text.push_str("format = \"%m/%d/%Y\"\n"),
            _ => {}
        }
    }
    Settings::from_toml(&text).unwrap()
}

fn import(dir: &Path, csv: &str, roster: Option<&str>, phones: bool, anew: bool, out: &str) {
    let (settings, hasher, limits) = (settings(phones), Hasher::new(77), Limits::default());
    let mapping = Mapping::compile(&settings).unwrap();
    let input = File::open(dir.join(csv)).unwrap();
    let file = file::open(input, &settings.file, &Keys::none(), &limits).unwrap();
    let (bound, _) = mapping.bind(&file.header);
    let roster = roster.map(|name| Roster::read(File::open(dir.join(name)).unwrap(), hasher).unwrap());
    let further = if anew { "anew" } else { "" };
    let mut found = compare(CompareInput {
        fingerprint: fingerprint(&file.header, file.delimiter, &mapping.fingerprint(), further),
        file,
        bound: &bound,
        roster,
        hasher,
        settings: &settings.file,
        limits: &limits,
        scratch: &Temporary(dir.to_owned()),
        progress: &mut |_| {},
    })
    .unwrap();
    let mut delta = BufWriter::with_capacity(1 << 18, File::create(dir.join(format!("{out}.delta"))).unwrap());
    let mut proposed = 0;
    for one in found.proposed().unwrap() {
        let one = one.unwrap();
        proposed += 1;
        write!(delta, "{{\"id\":{:?}", one.desired.unique_id.as_str()).unwrap();
        for (field, value) in &one.desired.over(None).values {
            for text in value.iter() {
                write!(delta, ",{:?}:{text:?}", field.name()).unwrap();
            }
        }
        delta.write_all(b"}\n").unwrap();
    }
    let absent = found.complete().map_or(0, |proof| found.absent(&proof).unwrap().len());
    let counts = found.counts();
    let next = BufWriter::with_capacity(1 << 18, File::create(dir.join(out)).unwrap());
    found.next_roster(&Decisions::default(), next, &Temporary(dir.to_owned())).unwrap();
    println!("{proposed} proposed, {absent} absent, {counts:?}");
}

fn count(path: &Path) {
    let mut reader = csv::ReaderBuilder::new().from_path(path).unwrap();
    let (mut record, mut rows) = (csv::ByteRecord::new(), 0u64);
    while reader.read_byte_record(&mut record).unwrap() {
        rows += 1;
    }
    println!("{rows}");
}

fn phase(dir: &Path, name: &str, csv: &str) {
    match name {
        "floor" => count(&dir.join(csv)),
        "first import" => import(dir, csv, None, true, false, "roster.new"),
        "all rows read, no phones" => import(dir, csv, Some("roster.light"), false, true, "next"),
        "make light" => import(dir, csv, None, false, false, "roster.light"),
        "all rows read, phones" => import(dir, csv, Some("roster"), true, true, "next"),
        "make" => import(dir, csv, None, true, false, "roster"),
        _ => import(dir, csv, Some("roster"), true, false, "next"),
    }
}

/// Processor seconds and peak MiB of this process.
fn cost() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let behind = stat.rsplit(')').next().unwrap();
    let ticks: u64 = behind.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    (ticks as f64 / 100.0, kib / 1024.0)
}

fn child(dir: &Path, name: &str, csv: &str) -> (f64, f64) {
    let done = Command::new(std::env::current_exe().unwrap()).args(["--child", name, csv]).arg(dir).output().unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let mut numbers = text.lines().last().unwrap().split(' ').map(|number| number.parse::<f64>().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, name, csv, dir] = args.as_slice()
        && flag == "--child"
    {
        phase(Path::new(dir), name, csv);
        let (seconds, peak) = cost();
        println!("{seconds} {peak}");
        return;
    }
    let number = |at: usize, default: u64| args.get(at).map_or(default, |arg| arg.parse().unwrap());
    let (rows, rounds) = (number(0, 1_000_000), number(1, 5));
    let dir = std::env::temp_dir().join(format!("muster-import-{rows}"));
    fs::create_dir_all(&dir).unwrap();
    let people = u32::try_from(rows).unwrap();
    let day_2 = Options { people, day: 2, shuffle: true, ..Options::default() };
    let noise = Options { needless_quotes_permille: 50, ..day_2.clone() };
    for (name, options) in
        [("day1.csv", Options { people, ..Options::default() }), ("day2.csv", day_2), ("noise.csv", noise)]
    {
        let mut out = BufWriter::with_capacity(1 << 18, File::create(dir.join(name)).unwrap());
        people_gen::write(&options, &mut out).unwrap();
        out.flush().unwrap();
    }
    child(&dir, "make", "day1.csv");
    child(&dir, "make light", "day1.csv");
    let bytes = fs::metadata(dir.join("roster")).unwrap().len();
    println!("{rows} people, {rounds} rounds; roster {:.1} bytes a person", bytes as f64 / rows as f64);
    println!("{:<28} {:>8} {:>8} {:>6} {:>6} {:>9}", "phase", "cpu s", "floor s", "ratio", "goal", "peak MiB");
    let only = args.get(2).map_or("", String::as_str);
    for (name, csv, goal) in PHASES.into_iter().filter(|phase| phase.0.contains(only)) {
        let (mut cpu, mut floors, mut ratios, mut peaks) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let (floor, _) = child(&dir, "floor", csv);
            let (seconds, peak) = child(&dir, name, csv);
            ratios.push(seconds / floor.max(0.01));
            cpu.push(seconds);
            floors.push(floor);
            peaks.push(peak);
        }
        let (cpu, floor) = (median(&mut cpu), median(&mut floors));
        println!(
            "{name:<28} {cpu:>8.2} {floor:>8.2} {:>6.2} {goal:>6.1} {:>9.1}",
            median(&mut ratios),
            median(&mut peaks)
        );
    }
    let _ = fs::remove_dir_all(dir);
}
