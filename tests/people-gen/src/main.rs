//! `people-gen [OPTION=VALUE …] OUT.csv`: writes an HR export and prints what an import must find.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use people_gen::{Encoding, Expected, Options, connection_toml, write};

const USAGE: &str = "usage: people-gen [OPTION=VALUE ...] OUT.csv
       people-gen --connection ACCOUNT NAME GROUP
numbers: seed people day changed_permille new_permille gone_permille needless_quotes_permille
true or false: shuffle crlf bom restyle final_newline dirt blocked_column
delimiter: one character or tab; encoding: utf-8 windows-1252 utf-16le utf-16be";

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "people-gen: {error}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match arguments {
        [flag, account, name, group] if flag == "--connection" => {
            out.write_all(connection_toml(account, name, group).as_bytes()).map_err(|error| error.to_string())
        }
        [settings @ .., path] => {
            let mut options = Options::default();
            for setting in settings {
                let (key, value) = setting.split_once('=').ok_or_else(|| format!("{setting}: write OPTION=VALUE"))?;
                set(&mut options, key, value).ok_or_else(|| format!("{setting}: no such option or value"))?;
            }
            let failed = |error: io::Error| format!("{path}: {error}");
            let mut file = BufWriter::new(File::create(path).map_err(failed)?);
            let expected = write(&options, &mut file).map_err(failed)?;
            print(&mut out, &expected).map_err(|error| error.to_string())
        }
        [] => Err("no file named".to_owned()),
    }
}

fn set(options: &mut Options, key: &str, value: &str) -> Option<()> {
    match key {
        "seed" => options.seed = value.parse().ok()?,
        "people" => options.people = value.parse().ok()?,
        "day" => options.day = value.parse().ok()?,
        "changed_permille" => options.changed_permille = value.parse().ok()?,
        "new_permille" => options.new_permille = value.parse().ok()?,
        "gone_permille" => options.gone_permille = value.parse().ok()?,
        "needless_quotes_permille" => options.needless_quotes_permille = value.parse().ok()?,
        "shuffle" => options.shuffle = value.parse().ok()?,
        "crlf" => options.crlf = value.parse().ok()?,
        "bom" => options.bom = value.parse().ok()?,
        "restyle" => options.restyle = value.parse().ok()?,
        "final_newline" => options.final_newline = value.parse().ok()?,
        "dirt" => options.dirt = value.parse().ok()?,
        "blocked_column" => options.blocked_column = value.parse().ok()?,
        "delimiter" if value == "tab" => options.delimiter = b'\t',
        "delimiter" => options.delimiter = <[u8; 1]>::try_from(value.as_bytes()).ok()?[0],
        "encoding" => {
            options.encoding = match value {
                "utf-8" => Encoding::Utf8,
                "windows-1252" => Encoding::Windows1252,
                "utf-16le" => Encoding::Utf16Le,
                "utf-16be" => Encoding::Utf16Be,
                _ => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

/// Counts first, then each issue.
fn print(out: &mut impl Write, expected: &Expected) -> io::Result<()> {
    let Expected { rows, people, added, updated, removed, deactivated, reactivated, issues } = expected;
    let (added, updated, removed) = (added.len(), updated.len(), removed.len());
    let (deactivated, reactivated) = (deactivated.len(), reactivated.len());
    writeln!(
        out,
        "rows {rows}, people {people}, added {added}, updated {updated}, removed {removed}, deactivated {deactivated}, reactivated {reactivated}"
    )?;
    for (code, id) in issues {
        writeln!(out, "{code} {id}")?;
    }
    Ok(())
}
