//! `muster plan`.

mod summary;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use muster_core::settings::Mode;

use crate::base::Base;
use crate::connection::{check_name, keys, read};
use crate::failure::Failure;
use crate::json::plan_to_json;
use crate::planning::{Made, Planning, Subject};
use crate::show::warn;
use crate::sink::Sink;
use crate::{Ended, args};

/// Plans a file against the base.
pub(crate) fn run(arguments: &args::Plan) -> Result<Ended, Failure> {
    let (settings, mapping) = read(&arguments.connection)?;
    let keys = keys(&arguments.opening)?;
    check_name(&arguments.file, &settings, &arguments.opening)?;
    let planning = Planning { settings: &settings, mapping: &mapping, keys: &keys };
    let mut sink = Sink::listing(arguments.out.as_deref(), &settings)?;
    let name = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let made = match make(arguments, &planning, &mut sink) {
        Ok(made) => made,
        Err(failure) => {
            if let Failure::Unreadable { issues, .. } = &failure {
                sink.finish(&name, &[], issues)?;
            }
            return Err(failure);
        }
    };
    sink.finish(&name, &made.header, &made.issues)?;
    let mut held = made.summary.held();
    if settings.mode == Mode::Paused {
        warn("the connection is paused: an upload would not be planned at all");
        held.push("paused");
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", plan_to_json(&made.summary, &held))?;
    } else {
        summary::write(&mut out, arguments, &settings, &made, &sink, &held)?;
    }
    out.flush()?;
    Ok(if held.is_empty() { Ended::Well } else { Ended::Held })
}

fn make(arguments: &args::Plan, planning: &Planning<'_>, sink: &mut Sink) -> Result<Made, Failure> {
    let base = arguments.base.as_deref().map(|path| Base::read(path, planning)).transpose()?;
    let subject = Subject { path: &arguments.file, base: base.as_ref() };
    let Some(path) = &arguments.save_roster else { return planning.make(&subject, sink, None) };
    // Beside its place and then renamed: the base may be the very same file.
    let about = || format!("the roster {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).with_context(about)?;
    let roster = tempfile::NamedTempFile::new_in(folder).with_context(about)?;
    let made = planning.make(&subject, sink, Some(roster.as_file()))?;
    roster.persist(path).with_context(about)?;
    Ok(made)
}
