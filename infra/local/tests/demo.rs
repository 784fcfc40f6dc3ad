//! The demo comes out as it should, also on the state of an earlier one.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::{path::Path, process::Command};

/// Runs the demo to its end; answers what it told.
fn demo(data: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_muster-local"))
        .args(["demo", "--exit", "--people", "300", "--data"])
        .arg(data)
        .output()
        .unwrap();
    let (told, complaints) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{complaints}");
    told
}

#[test]
fn every_step_of_the_demo_comes_out_as_it_should() {
    let folder = tempfile::tempdir().unwrap();
    for account in ["acme", "acme-2"] {
        let told = demo(folder.path());
        assert!(told.contains(&format!("SFTP login {account}-payroll-nightly")), "{told}");
        assert!(told.contains("68 of 68 checks as expected") && !told.contains('✗'), "{told}");
    }
    for file in ["connection.toml", "finch.toml"] {
        assert!(folder.path().join("demo").join(file).exists(), "{file}");
    }
    assert!(!folder.path().join("ready.json").exists(), "it has stopped");
}
