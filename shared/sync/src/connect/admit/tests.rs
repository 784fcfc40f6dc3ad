use super::*;
use crate::Feed;
use crate::connect::password::stored_password;

fn credentials() -> Credentials {
    Credentials {
        password_hash: Some(stored_password(&[3; 16], "right")),
        keys: vec!["ssh-ed25519 AAAA hr".to_owned()],
        allowed_ips: Vec::new(),
        locked: false,
    }
}

fn connection(status: ConnectionStatus) -> Connection {
    Connection {
        account: AccountId::parse("acme").unwrap(),
        id: ConnectionId::parse("acme-hr").unwrap(),
        settings: String::new(),
        settings_version: 1,
        status,
        sftp_user: Some("acme-hr".to_owned()),
        routes: Vec::new(),
        due_ms: None,
        feed: Feed::default(),
        seed: 7,
        fence: 0,
        lease: None,
        active: None,
        waiting: None,
        roster: None,
        grouped_by: String::new(),
        owned: 0,
        directory_version: 0,
        last_rows: None,
        last_source: None,
        removals: Vec::new(),
        confirmed: false,
        link_key: String::new(),
        note: None,
    }
}

fn attempt(password: Option<&str>) -> Attempt<'_> {
    Attempt { user: "acme-hr", password, from: "192.0.2.7".parse().ok() }
}

/// The refusal, or none, of the right password and of any key, once this was done to what is stored.
#[track_caller]
fn check(change: impl Fn(&mut Credentials, &mut Connection), expected: [Option<Refusal>; 2]) {
    let (mut stored, mut about) = (credentials(), connection(ConnectionStatus::Connected));
    change(&mut stored, &mut about);
    let refusals =
        [Some("right"), None].map(|password| match judge(attempt(password), Some(stored.clone()), Some(&about)) {
            Admission::Open(_) => None,
            Admission::Refused(refusal) => Some(refusal),
        });
    assert_eq!(refusals, expected);
}

#[test]
fn the_right_password_opens_and_a_key_has_to_be_one_of_the_logins() {
    let opened = |password| judge(attempt(password), Some(credentials()), Some(&connection(ConnectionStatus::Pending)));
    let open = |keys| Admission::Open(OpenedLogin { user: "acme-hr".to_owned(), keys });
    assert_eq!(opened(Some("right")), open(None));
    assert_eq!(opened(None), open(Some(credentials().keys)));
    for wrong in ["", "Right", "right "] {
        assert_eq!(opened(Some(wrong)), Admission::Refused(Refusal::Password), "{wrong}");
    }
}

#[test]
fn a_login_that_is_not_there_opens_for_nobody() {
    for password in [None, Some(""), Some("right")] {
        let about = connection(ConnectionStatus::Connected);
        assert_eq!(judge(attempt(password), None, Some(&about)), Admission::Refused(Refusal::Unknown));
    }
}

#[test]
fn a_connection_that_takes_no_files_has_a_login_that_does_not_open() {
    check(|_, _| {}, [None, None]);
    let off = [Some(Refusal::Off); 2];
    check(|_, about| about.status = ConnectionStatus::Disabled, off);
    check(|_, about| about.status = ConnectionStatus::Deleted, off);
    check(|_, about| about.sftp_user = None, off);
    check(|_, about| about.sftp_user = Some("acme-other".to_owned()), off);
    let gone = judge(attempt(Some("right")), Some(credentials()), None);
    assert_eq!(gone, Admission::Refused(Refusal::Off));
    // What is wrong with a provider or a file is no reason to refuse the next file.
    check(|_, about| about.status = ConnectionStatus::Error, [None, None]);
}

#[test]
fn a_locked_login_opens_for_nobody() {
    check(|stored, _| stored.locked = true, [Some(Refusal::Locked); 2]);
}

#[test]
fn a_login_opens_only_from_where_it_may_come() {
    let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
    check(|stored, _| stored.allowed_ips = list(&["198.51.100.0/24", "192.0.2.0/29"]), [None, None]);
    check(|stored, _| stored.allowed_ips = list(&["198.51.100.0/24"]), [Some(Refusal::Address); 2]);
    check(|stored, _| stored.allowed_ips = list(&["not a network"]), [Some(Refusal::Address); 2]);
    let nowhere = Attempt { from: None, ..attempt(Some("right")) };
    let about = connection(ConnectionStatus::Connected);
    let listed = Credentials { allowed_ips: list(&["0.0.0.0/0", "::/0"]), ..credentials() };
    assert_eq!(judge(nowhere, Some(listed), Some(&about)), Admission::Refused(Refusal::Address));
    assert!(matches!(judge(nowhere, Some(credentials()), Some(&about)), Admission::Open(_)));
}

#[test]
fn a_login_without_password_or_without_keys_takes_the_other_one_only() {
    check(|stored, _| stored.password_hash = None, [Some(Refusal::Password), None]);
    check(|stored, _| stored.keys.clear(), [None, Some(Refusal::NoKeys)]);
}

#[test]
fn an_attempt_is_not_told_to_logs() {
    assert_eq!(format!("{:?} {:?}", attempt(Some("right")), attempt(None)), "Attempt(password) Attempt(key)");
}
