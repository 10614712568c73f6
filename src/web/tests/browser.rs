//! A browser: it keeps cookies, sends forms with what stands hidden in them, and follows nobody.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use retrocall_records::desk::{Accounts as _, Logins as _, NewToken};
use retrocall_words::Clock as _;
use tower::ServiceExt as _;

use super::home::Home;
use crate::routes;

/// What came back.
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A browser on a runtime of its own.
pub struct Browser {
    router: Router,
    runtime: Arc<tokio::runtime::Runtime>,
    pub cookies: BTreeMap<String, String>,
    /// On every request.
    pub headers: Vec<(&'static str, String)>,
    /// What the last page's forms bring back.
    pub token: String,
}

impl Browser {
    pub fn new(home: &Home) -> Browser {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Browser {
            router: routes::router(&home.pages),
            runtime: Arc::new(runtime),
            cookies: BTreeMap::new(),
            headers: vec![("host", "localhost:8080".to_owned())],
            token: String::new(),
        }
    }

    /// One in which somebody is logged in, without the time that a password takes. `nobody` is not.
    pub fn of(home: &Home, name: &str) -> Browser {
        let mut browser = Browser::new(home);
        browser.get("/login");
        if name != "nobody" {
            let hash = home.desk.password(name).expect("an answer").expect("a password");
            let secret = crate::secret::new().expect("random");
            assert_eq!(home.desk.log_in(name, &hash, &secret, home.clock.wall()), Ok(true));
            browser.token = crate::secret::form_token(&secret);
            browser.cookies.insert("retrocall".to_owned(), secret);
        }
        browser
    }

    /// From now on it is a program that shows a token of somebody's, for the first role that they have. `nobody` has none.
    pub fn show_token(&mut self, home: &Home, name: &str) {
        let user = home.desk.users(&Home::owner()).expect("users").into_iter().find(|user| user.name == name);
        let Some(role) = user.and_then(|user| user.roles.into_iter().next()) else { return };
        let token = NewToken { name: name.to_owned(), role, secret: crate::secret::new().expect("random") };
        home.desk.add_token(&Home::owner(), &token, home.clock.wall()).expect("a token");
        self.headers.push(("authorization", format!("Bearer {}", token.secret)));
    }

    pub fn log_in(&mut self, name: &str, password: &str) -> Got {
        self.post("/login", &[("name", name), ("password", password)])
    }

    pub fn get(&mut self, place: &str) -> Got {
        self.ask(Method::GET, place, &[], None)
    }

    /// Sends a form of the last page.
    pub fn post(&mut self, place: &str, fields: &[(&str, &str)]) -> Got {
        let token = self.token.clone();
        let fields = fields.iter().copied().chain([("form", &*token)]);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.ask(Method::POST, place, &[("content-type", "application/x-www-form-urlencoded")], Some(body))
    }

    pub fn ask(&mut self, method: Method, place: &str, headers: &[(&str, &str)], body: Option<String>) -> Got {
        let request = self.request(method, place, headers, body);
        let router = self.router.clone();
        let got = self.runtime.clone().block_on(async {
            let response = router.oneshot(request).await.expect("an answer");
            let (parts, mut body) = response.into_parts();
            let is_endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            let body = match is_endless {
                true => body.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok()),
                false => body.collect().await.ok().map(|body| body.to_bytes()),
            };
            Got { status: parts.status, headers: parts.headers, body: body.unwrap_or_default().to_vec() }
        });
        self.keep(&got);
        got
    }

    /// The first piece of a body, what happens meanwhile, and whether all the rest comes.
    pub fn piecewise(&mut self, place: &str, meanwhile: impl FnOnce()) -> (Vec<u8>, bool) {
        let request = self.request(Method::GET, place, &[], None);
        let router = self.router.clone();
        self.runtime.clone().block_on(async {
            let mut body = router.oneshot(request).await.expect("an answer").into_body();
            let first = body.frame().await.expect("a piece").expect("a piece").into_data().expect("bytes").to_vec();
            meanwhile();
            (first, body.collect().await.is_ok())
        })
    }

    /// The first lines of what is told without end, with what happens behind each. Fewer if it ends.
    pub fn lines(&mut self, place: &str, most: usize, mut meanwhile: impl FnMut(usize)) -> Vec<String> {
        let request = self.request(Method::GET, place, &[], None);
        let router = self.router.clone();
        self.runtime.clone().block_on(async {
            let mut body = router.oneshot(request).await.expect("an answer").into_body();
            let mut lines = Vec::new();
            while lines.len() < most
                && let Some(Ok(frame)) = body.frame().await
            {
                let line = frame.into_data().expect("bytes");
                lines.push(String::from_utf8(line.to_vec()).expect("text"));
                meanwhile(lines.len() - 1);
            }
            lines
        })
    }

    fn request(&self, method: Method, place: &str, headers: &[(&str, &str)], body: Option<String>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(place);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        request.body(body.map_or_else(Body::empty, Body::from)).expect("a request")
    }

    fn keep(&mut self, got: &Got) {
        for cookie in got.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = cookie.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        // A secret that was just given has its own token, as the page that comes next would show.
        if let Some(secret) = self.cookies.get("retrocall") {
            self.token = crate::secret::form_token(secret);
        }
    }
}
