//! Settings are read, refused and explained as people write them.

use super::*;
use retrocall_words::retention::Period;

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text, Path::new("/desk/retrocall.toml")).map_err(|error| error.to_string())
}

fn wrong(text: &str) -> String {
    parse(text).expect_err("it is wrong")
}

#[test]
fn without_a_file_and_with_an_empty_one_everything_has_its_default() {
    let home = tempfile::tempdir().expect("a folder");
    assert_eq!(Settings::load(home.path()), Ok(Settings::default()));
    assert_eq!(parse(""), Ok(Settings::default()));
    assert_eq!(Settings::default().socket_path(Path::new("/desk")), Path::new("/desk/engine.sock"));
    assert_eq!(Settings::default().agent_of("anna"), Ok("anna".to_owned()));
}

/// Each setting, at another value than its default.
const EVERY_SETTING: &str = r#"
one_in = 0
memory = "1.5GiB"
allow_unlocked = true
guarantee = "secret"
max_call = "90m"
after_hangup = "1m"
grace = "500ms"
stop_wait = "2m"
keep_agent_on_hold = true
objection_covers_record = true
informed = "spoken"
never_capture = ["+31 20 555 0199", "works-council"]
record_keys = "*7"
object_keys = "3"
country = "be"
socket = "sub/s"
socket_group = "desk"
calls_max = 5
calls_per_user = 4
begins_per_second = 3
connections_max = 6
connections_per_user = 2
queued_max = "2MiB"
queued_per_user = "64KiB"
owner_reserve_percent = 0
intake_threads = 3
commit_threads = 4
metrics = "[::1]:9464"
audiosocket = "127.0.0.1:9092"
audiosocket_socket = "taps"
audiosocket_remote = true
audiosocket_g711 = "alaw"
audiosocket_idle = "30s"
audiosocket_agent = "desk"
review_per_week = 25
database = "postgres:///retrocall?host=/run/postgresql"
store = "s3://calls/desk"
[retention]
quality_unheard_days = 7
[calendar]
zone = "Europe/Brussels"
working_days = ["mon", "sat"]
free_days = ["2026-12-25"]
[hotkey]
record = "off"
mask = "F9"
private = "ctrl+alt+p"
sound = true
centre = "https://calls.example"
token = "anna.token"
[centre]
may = ["record", "private"]
[users]
aj = "anna"
[papers]
controller = "Example Ltd"
contact = "desk@example.com"
officer = "officer@example.com"
page = "example.com/recordings"
[web]
listen = "0.0.0.0:8443"
certificate = "tls/chain.pem"
key = "/etc/tls/key.pem"
names = ["desk.example"]
idle = "10m"
session = "8h"
[audiosocket_agents]
"000001aB" = "anna"
"#;

fn every_setting_of_the_pages() -> WebSettings {
    WebSettings {
        listen: "0.0.0.0:8443".parse().expect("an address"),
        certificate: Some("tls/chain.pem".into()),
        key: Some("/etc/tls/key.pem".into()),
        names: vec!["desk.example".to_owned()],
        idle: Duration::from_secs(600),
        session: Duration::from_secs(8 * 3_600),
    }
}

#[test]
fn every_setting_can_be_set() {
    let settings = parse(EVERY_SETTING).expect("settings");
    let expected = Settings {
        one_in: 0,
        memory: Some(3 << 29),
        allow_unlocked: true,
        guarantee: Level::Secret,
        max_call: Duration::from_secs(5400),
        after_hangup: Duration::from_secs(60),
        stop_wait: Duration::from_secs(120),
        grace: Duration::from_millis(500),
        keep_agent_on_hold: true,
        objection_covers_record: true,
        informed: Informed::Spoken,
        never_capture: vec!["+31 20 555 0199".to_owned(), "works-council".to_owned()],
        record_keys: "*7".parse().ok(),
        object_keys: "3".parse().ok(),
        country: "BE".parse().expect("a country"),
        socket: Some("sub/s".into()),
        socket_group: Some("desk".into()),
        users: [("aj".to_owned(), "anna".to_owned())].into(),
        calls_max: 5,
        calls_per_user: 4,
        begins_per_second: 3,
        connections_max: 6,
        connections_per_user: 2,
        queued_max: 2 << 20,
        queued_per_user: 64 << 10,
        owner_reserve_percent: 0,
        intake_threads: Some(3),
        commit_threads: 4,
        metrics: Some("[::1]:9464".parse().expect("an address")),
        audiosocket: Some("127.0.0.1:9092".parse().expect("an address")),
        audiosocket_socket: Some("taps".into()),
        audiosocket_remote: true,
        audiosocket_g711: Some(Law::A),
        audiosocket_idle: Duration::from_secs(30),
        audiosocket_agent: "desk".to_owned(),
        audiosocket_agents: [("000001aB".to_owned(), "anna".to_owned())].into(),
        hotkey: HotkeySettings {
            record: None,
            mask: parse_keys("f9").ok(),
            private: parse_keys("ctrl+alt+p").ok(),
            sound: true,
            centre: Some("https://calls.example".to_owned()),
            token: Some("anna.token".into()),
        },
        centre: CentreSettings { may: vec![Verb::Record, Verb::Private] },
        papers: PaperSettings {
            controller: Some("Example Ltd".to_owned()),
            contact: Some("desk@example.com".to_owned()),
            officer: Some("officer@example.com".to_owned()),
            page: Some("example.com/recordings".to_owned()),
        },
        web: every_setting_of_the_pages(),
        review_per_week: Some(25),
        database: toml::from_str::<Settings>("database = \"postgres:///retrocall?host=/run/postgresql\"")
            .expect("one")
            .database,
        store: toml::from_str::<Settings>("store = \"s3://calls/desk\"").expect("one").store,
        retention: Periods::default().with(Period::QualityUnheard, 7).expect("in range"),
        calendar: Calendar {
            zone: "Europe/Brussels".parse().expect("a zone"),
            working_days: toml::from_str::<Calendar>("working_days = [\"mon\", \"sat\"]").expect("days").working_days,
            free_days: ["2026-12-25".parse().expect("a day")].into(),
        },
    };
    assert_eq!(settings, expected);
    assert_eq!(settings.agent_of("aj"), Ok("anna".to_owned()));
    assert_eq!(settings.socket_path(Path::new("/desk")), Path::new("/desk/sub/s"));
}

#[test]
fn a_certificate_may_lie_in_the_home_or_elsewhere() {
    let settings = parse(EVERY_SETTING).expect("settings");
    let files = ["/desk/tls/chain.pem", "/etc/tls/key.pem"].map(Into::into);
    assert_eq!(settings.web_certificate(Path::new("/desk")), Ok(Some(files)));
}

#[test]
fn a_certificate_without_its_key_is_refused_in_words() {
    let half = parse("[web]\ncertificate = \"chain.pem\"\n").expect("settings");
    assert!(half.web_certificate(Path::new("/desk")).is_err_and(|why| why.contains("name key too")));
    assert_eq!(Settings::default().web_certificate(Path::new("/desk")), Ok(None));
}

#[test]
fn a_slip_of_the_pen_is_told_its_line_and_what_was_meant() {
    let words = wrong("one_in = 4\n\ngrce = \"5s\"\n");
    assert_eq!(words, "/desk/retrocall.toml, line 3: `grce` is no setting: did you mean `grace`?");
    assert!(wrong("onein = 4").contains("line 1: `onein` is no setting: did you mean `one_in`?"));
    assert!(wrong("after-hangup = \"5s\"").contains("did you mean `after_hangup`?"));
    assert!(!wrong("colour = 4").contains("did you mean"));
}

#[test]
fn wrong_units_types_and_ranges_are_told_what_belongs_there() {
    let line_2 = |text: &str| {
        let words = wrong(&format!("# the desk\n{text}"));
        assert!(words.contains("retrocall.toml, line 2: "), "{words}");
        words
    };
    assert!(line_2("grace = \"5\"").contains("`grace`: `5` has no unit: write ms, s, m or h"));
    assert!(line_2("grace = 5").contains("a length of time with its unit, in quotes, like \"5s\""));
    assert!(line_2("grace = \"5 parsecs\"").contains("is not a length of time"));
    assert!(line_2("grace = \"-5s\"").contains("is not a length of time"));
    assert!(line_2("after_hangup = \"61s\"").contains("`after_hangup`: 61 s is out of range: 0 s to 60 s"));
    assert!(line_2("max_call = \"0s\"").contains("out of range: 1 s to 24 h"));
    assert!(line_2("memory = \"256\"").contains("has no unit"));
    assert!(line_2("memory = \"256MiX\"").contains("is not a size"));
    assert!(line_2("memory = \"1KiB\"").contains("out of range"));
    assert!(line_2("memory = \"99999999999999999999GiB\"").contains("out of range"));
    assert!(line_2("one_in = -1").contains("`one_in`"));
    assert!(line_2("calls_max = 0").contains("out of range: 1 to"));
    assert!(line_2("owner_reserve_percent = 91").contains("out of range: 0 to 90"));
    assert!(line_2("queued_per_user = \"1KiB\"").contains("1024 bytes are out of range: 64 KiB to 1024 GiB"));
    assert!(line_2("queued_max = 5").contains("a size with its unit, in quotes"));
    assert!(line_2("allow_unlocked = \"yes\"").contains("`allow_unlocked`"));
    assert!(line_2("country = \"Holland\"").contains("`Holland` is no country: write its two letters"));
    assert!(line_2("country = \"uk\"").contains("like \"GB\""));
    assert!(line_2("informed = \"by post\"").contains("`by post` is none of \"tape\", \"spoken\", \"none\""));
    assert!(line_2("informed = true").contains("\"tape\", \"spoken\" or \"none\""));
    assert!(line_2("never_capture = [\"\"]").contains("a number or a name"));
    assert!(line_2("never_capture = \"204\"").contains("never_capture"));
    assert!(line_2("record_keys = \"7 *\"").contains("`7 *` are no keys of a phone: write 1 to 8 of"));
    assert!(line_2("object_keys = \"\"").contains("are no keys of a phone"));
    assert!(line_2("object_keys = \"123456789\"").contains("are no keys of a phone"));
    assert!(line_2("object_keys = 3").contains("keys of a phone in quotes, like \"*7\", or \"off\""));
    assert_eq!(parse("record_keys = \"off\""), Ok(Settings::default()));
    assert!(line_2("country = 31").contains("the two letters of a country"));
    assert!(line_2("metrics = 9464").contains("a loopback address with its port, in quotes"));
    assert!(line_2("metrics = \"127.0.0.1\"").contains("is not an address with its port"));
    assert!(line_2("metrics = \"localhost:9464\"").contains("is not an address with its port"));
    for open in ["0.0.0.0:9464", "[::]:9464", "192.0.2.7:9464"] {
        let words = line_2(&format!("metrics = \"{open}\""));
        assert!(words.contains(&format!("{open} can be reached from other machines")), "{words}");
    }
    assert!(line_2("hotkey.mask = \"r\"").contains("add ctrl, alt or super"));
    assert!(line_2("hotkey.mask = 9").contains("keys in quotes, like \"ctrl+alt+r\", or \"off\""));
    assert!(line_2("centre.may = [\"erase-last\"]").contains("nothing that a centre can carry; there are \"record\""));
    assert!(line_2("hotkey.masks = \"f9\"").contains("did you mean `mask`?"));
    assert!(line_2("one_in = ").contains("line 2"));
    assert!(wrong("[users]\nanna = 4\n").contains("line 2: `anna`: "));
}

#[test]
fn no_period_can_be_switched_off_and_a_wrong_one_is_told_its_line_and_its_range() {
    let words = wrong("[retention]\nquality_unheard_days = 0\n");
    assert_eq!(words, "/desk/retrocall.toml, line 2: `quality_unheard_days`: 0 is out of range: 1 to 14");
    let words = wrong("one_in = 4\n[retention]\nquality_unherd_days = 9\n");
    assert_eq!(
        words,
        "/desk/retrocall.toml, line 3: `quality_unherd_days` is no setting: did you mean `quality_unheard_days`?"
    );
    assert!(wrong("retention.case_closed_hours = \"72h\"").contains("expected a whole number"));
    assert!(wrong("retention.still_needed_days = 91").contains("out of range: 7 to 90"));
    assert!(wrong("[retension]\n").contains("did you mean `retention`?"));
    assert!(
        wrong("[calendar]\nzone = \"Europe/Atlantis\"").contains("line 2: `zone`: `Europe/Atlantis` is no time zone")
    );
    assert!(wrong("calendar.working_days = []").contains("at least one day of the week"));
    assert!(wrong("calendar.working_days = [\"moon\"]").contains("`moon` is no day of the week"));
    assert!(wrong("calendar.free_days = [\"Christmas\"]").contains("free_days"));
    assert!(wrong("[calendar]\nzones = \"UTC\"").contains("did you mean `zone`?"));
    assert!(wrong("review_per_week = 0").contains("out of range: 1 to 100000"));
    assert!(wrong("store = \"https://calls\"").contains("no store"));
    let address = wrong("database = \"mysql://desk:secret@db/retrocall\"");
    assert!(address.contains("no address of PostgreSQL") && !address.contains("secret"), "{address}");
    let named =
        Settings::parse("database = \"postgres://desk:secret@db/retrocall\"", Path::new("x")).expect("an address");
    let written = named.database.as_ref().map(|address| address.as_str());
    assert!(written == Some("postgres://desk:secret@db/retrocall") && !format!("{named:?}").contains("secret"));
}

#[test]
fn audiosocket_is_for_this_machine_alone_unless_a_setting_says_otherwise() {
    let settings = parse("audiosocket = \"0.0.0.0:9092\"").expect("an address");
    let words = settings.check().expect_err("it is open to all");
    assert!(words.contains("0.0.0.0:9092 can be reached from other machines"), "{words}");
    assert!(words.contains("neither a password nor encryption") && words.contains("127.0.0.1:9092"), "{words}");
    let meant = parse("audiosocket = \"0.0.0.0:9092\"\naudiosocket_remote = true").expect("an address");
    assert_eq!((meant.check(), parse("audiosocket = \"[::1]:1\"").expect("one").check()), (Ok(()), Ok(())));
    assert!(wrong("audiosocket = \"localhost\"").contains("is not an address with its port"));
    assert!(wrong("audiosocket_g711 = \"pcm16\"").contains("`audiosocket_g711`"));
    assert!(wrong("audiosocket_agent = \"\"").contains("1 to 64 characters"));
    assert!(wrong("[audiosocket_agents]\n101 = \"anna\"").contains("`101` is not how a UUID begins"));
}

#[test]
fn sizes_and_lengths_are_what_people_mean() {
    assert_eq!(parse_size("64KiB"), Ok(65_536));
    assert_eq!(parse_size("256 MiB"), Ok(268_435_456));
    assert_eq!(parse_size("2GB"), Ok(2_000_000_000));
    assert_eq!(parse_size("1G"), Ok(1 << 30));
    for wrong in ["", "MiB", "1.2.3MiB", "-1MiB", "1e3MiB"] {
        assert!(parse_size(wrong).is_err(), "{wrong}");
    }
    assert_eq!(parse_duration("1m 30s"), Ok(Duration::from_secs(90)));
    assert_eq!(parse_duration("4h"), Ok(Duration::from_secs(14_400)));
    for wrong in ["", "s", "5 apples", "P1Y"] {
        assert!(parse_duration(wrong).is_err(), "{wrong}");
    }
}
