//! A real browser without a window: Debian's Chromium, driven over WebDriver by its own driver.
//!
//! Belongs here: starting both, and what a person does in a page: look, type, press. Does not: which pages there are.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    error::CmdError,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{runtime::Runtime, time};

use super::{desk::PATIENCE, skip::is_installed};

/// How often a page is looked at that changes by itself.
const LOOK: Duration = Duration::from_millis(20);

/// How a browser is set up.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Width and height of the page.
    pub size: (u32, u32),
    pub is_dark: bool,
    /// As browsers name it.
    pub language: &'static str,
}

/// A window on a desk, in English.
pub const DESK: Manner = Manner { size: (1280, 900), is_dark: false, language: "en" };

/// A browser with one page.
pub struct Chromium {
    runtime: Runtime,
    page: Client,
    driver: Child,
    /// Profile and cache.
    _folder: TempDir,
}

impl Chromium {
    /// None, said aloud, where there is none.
    pub fn start(manner: Manner) -> Option<Chromium> {
        if !is_installed("chromium") || !is_installed("chromedriver") {
            return None;
        }
        let folder = TempDir::with_prefix("chromium-").expect("a folder");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a driver");
        let said = BufReader::new(driver.stdout.take().expect("its output"));
        let port = said.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let address = format!("http://127.0.0.1:{}", port.expect("a port"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let page = runtime.block_on(connected(&address, folder.path(), manner));
        Some(Chromium { runtime, page, driver, _folder: folder })
    }

    fn ask<T>(&self, what: &str, work: impl Future<Output = Result<T, CmdError>>) -> T {
        let done = self.runtime.block_on(async { time::timeout(PATIENCE, work).await });
        match done {
            Ok(Ok(done)) => done,
            Ok(Err(why)) => panic!("{what}: {why}\nat {}:\n{}", self.address(), self.text()),
            Err(_) => panic!("{what}: it takes too long\nat {}:\n{}", self.address(), self.text()),
        }
    }

    pub fn go(&self, address: &str) {
        self.ask(address, self.page.goto(address));
    }

    /// Where the browser is.
    pub fn address(&self) -> String {
        self.runtime.block_on(self.page.current_url()).map(String::from).unwrap_or_default()
    }

    /// All that can be read on the page.
    pub fn text(&self) -> String {
        self.runtime
            .block_on(async { self.page.find(Locator::Css("body")).await?.text().await })
            .unwrap_or_else(|why| format!("(no page: {why})"))
    }

    /// What a script says that runs in the page.
    pub fn script(&self, script: &str) -> Value {
        self.ask(script, self.page.execute(script, Vec::new()))
    }

    /// What a script says that calls `arguments[arguments.length - 1]` when it is done.
    pub fn script_that_waits(&self, script: &str) -> Value {
        self.ask("a script", self.page.execute_async(script, Vec::new()))
    }

    /// Waits until an expression in the page is true.
    #[track_caller]
    pub fn wait_until(&self, what: &str, expression: &str) {
        let script = format!("return Boolean({expression})");
        let came = self.runtime.block_on(async {
            time::timeout(PATIENCE, async {
                // A page that is just being left has no answer.
                while !matches!(self.page.execute(&script, Vec::new()).await, Ok(Value::Bool(true))) {
                    time::sleep(LOOK).await;
                }
            })
            .await
        });
        assert!(came.is_ok(), "{what} did not come, at {}:\n{}", self.address(), self.text());
    }

    /// Waits until this can be read on the page.
    #[track_caller]
    pub fn reads(&self, text: &str) {
        self.wait_until(text, &format!("document.body && document.body.innerText.includes({})", json!(text)));
    }

    /// Presses the first thing with these words: a button, link, summary or choice of the page itself, or a button of the bar above it.
    pub fn press(&self, words: &str) {
        let is_it = format!("[normalize-space()={words:?} or strong={words:?}]");
        let path = format!(
            "//main//*[self::button or self::a or self::summary or self::label]{is_it} | //header//button{is_it}"
        );
        self.ask(words, async {
            self.page.wait().at_most(PATIENCE).every(LOOK).for_element(Locator::XPath(&path)).await?.click().await
        });
    }

    /// Presses what a selector finds.
    pub fn press_at(&self, selector: &str) {
        self.ask(selector, async { self.page.find(Locator::Css(selector)).await?.click().await });
    }

    /// Types into the field with this name.
    pub fn fill(&self, name: &str, text: &str) {
        self.fill_at(&format!("[name={name}]:not([type=hidden])"), text);
    }

    /// Types into the first field that a selector finds and that can be seen.
    pub fn fill_at(&self, selector: &str, text: &str) {
        self.ask(selector, async {
            for field in self.page.find_all(Locator::Css(selector)).await? {
                if field.is_displayed().await? {
                    return field.send_keys(text).await;
                }
            }
            panic!("nothing like {selector} can be seen");
        });
    }

    /// Types on the keyboard, to whatever has the focus. Special keys are WebDriver's own characters.
    pub fn keys(&self, keys: &str) {
        let actions = keys.chars().fold(KeyActions::new("keyboard".to_owned()), |actions, value| {
            actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.ask("keys", self.page.perform_actions(actions));
    }

    /// A picture of the page, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        self.ask("a picture", self.page.screenshot())
    }
}

async fn connected(address: &str, folder: &Path, manner: Manner) -> Client {
    let Manner { size: (width, height), is_dark, language } = manner;
    let mut flags = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        // Nothing but this machine is asked for anything.
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
        "--mute-audio".to_owned(),
        "--autoplay-policy=no-user-gesture-required".to_owned(),
        format!("--lang={language}"),
        format!("--user-data-dir={}", folder.display()),
    ];
    if is_dark {
        flags.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let wanted = json!({
        "goog:chromeOptions": {
            "args": flags,
            "prefs": { "intl.accept_languages": language },
            // A window is never narrower than 500; a telephone's page is.
            "mobileEmulation": { "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0, "mobile": false, "touch": false } },
        },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let Value::Object(wanted) = wanted else { unreachable!("it is an object") };
    let builder =
        ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new()).capabilities(wanted).clone();
    let connected = time::timeout(PATIENCE, builder.connect(address)).await;
    connected.expect("the driver answers").expect("a browser")
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(async { time::timeout(PATIENCE, self.page.clone().close()).await });
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
