//! The connection file and what else is needed to open people files.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use muster_core::file::Keys;
use muster_core::file::name::{NameMatch, NameRule};
use muster_core::mapping::Mapping;
use muster_core::settings::Settings;

use crate::args::Opening;
use crate::failure::Failure;
use crate::show::warn;

/// Reads a connection file with its mapping.
pub(crate) fn read(path: &Path) -> Result<(Settings, Mapping), Failure> {
    let bytes = fs::read(path).with_context(|| format!("the connection file {}", path.display()))?;
    let text = String::from_utf8(bytes)
        .with_context(|| format!("the connection file {} must be UTF-8 text", path.display()))?;
    let wrong = |error| Failure::Settings { path: path.to_owned(), error };
    let settings = Settings::from_toml(&text).map_err(wrong)?;
    let mapping = Mapping::compile(&settings).map_err(wrong)?;
    Ok((settings, mapping))
}

/// The PGP keys that the arguments name.
pub(crate) fn keys(opening: &Opening) -> Result<Keys, Failure> {
    let Some(path) = &opening.pgp_key else { return Ok(Keys::none()) };
    let secret = fs::read(path).with_context(|| format!("the PGP key {}", path.display()))?;
    let passphrase = match &opening.pgp_passphrase_file {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| format!("the passphrase file {}", path.display()))?;
            text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text).to_owned()).unwrap_or(text)
        }
        None => String::new(),
    };
    let keys = Keys::none().with(&secret, &passphrase).with_context(|| format!("the PGP key {}", path.display()))?;
    Ok(keys)
}

/// Compares a file's name with the connection's rule: a warning, or with `--check-name` the end.
pub(crate) fn check_name(path: &Path, settings: &Settings, opening: &Opening) -> Result<(), Failure> {
    let Some(pattern) = settings.file.pattern.as_deref().filter(|_| !opening.any_name) else { return Ok(()) };
    let rule = NameRule::parse(pattern).context("file.pattern")?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let NameMatch::No { reason } = rule.matches(&name) else { return Ok(()) };
    if opening.check_name {
        return Err(anyhow::anyhow!("{reason}; an upload would be refused").into());
    }
    warn(&format!("{reason}; an upload would be refused"));
    Ok(())
}
