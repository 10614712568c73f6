//! A request, once it is known whose it is: what every page is handed.

use std::{net::IpAddr, sync::Arc, time::Instant};

use axum::{extract::FromRequestParts, http::request};
use retrocall_records::desk::{DeskRole, Onward, Person};

use super::{
    answer::Refusal,
    secret,
    text::{Language, Texts},
};

/// Who may reach a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anybody who reaches the server.
    Anybody,
    /// Whoever is logged in.
    LoggedIn,
    /// Whoever has one of these roles. Which recordings, the desk's verbs decide.
    Roles(&'static [DeskRole]),
}

/// The fields of a form, in their order.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads what a browser sends.
    pub(crate) fn read(body: &[u8]) -> Form {
        Form(form_urlencoded::parse(body).into_owned().collect())
    }

    /// A field, without the blanks around it. None if it is empty or not there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(field, _)| field == name)?;
        Some(field.1.trim()).filter(|text| !text.is_empty())
    }

    /// A field as it was typed.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, text)| text)
    }

    /// A text of so many characters at most, as the desk's verbs take it.
    ///
    /// # Errors
    /// That it is longer.
    pub(crate) fn text(&self, name: &str, chars_max: usize) -> Result<Option<String>, Refusal> {
        match self.get(name) {
            Some(text) if text.chars().count() > chars_max => Err(Refusal::TooLong(chars_max)),
            // Browsers end lines as no file does.
            text => Ok(text.map(|text| text.replace("\r\n", "\n").replace('\0', ""))),
        }
    }
}

/// A request.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Who asks, with the rights that they have now.
    pub person: Option<Arc<Person>>,
    /// What their browser holds, known or not.
    pub secret: Option<Arc<str>>,
    /// In which language they read.
    pub language: Language,
    /// Where they come from.
    pub address: IpAddr,
    /// When it came.
    pub came_at: Instant,
    /// What they asked for.
    pub path: String,
    /// What stands behind it.
    pub query: Form,
    /// What they sent.
    pub form: Form,
    /// The same, of a program.
    pub body: Arc<[u8]>,
}

impl Asked {
    /// Where a list is to go on, as the page before has said it under this name. None: at its beginning.
    ///
    /// # Errors
    /// That there is no such place.
    pub(crate) fn onward(&self, name: &str) -> Result<Option<Onward>, Refusal> {
        self.query.get(name).map(|text| Onward::read(text).ok_or(Refusal::Incomplete)).transpose()
    }

    /// Whether it is a program that asks, not a page of ours.
    pub(crate) fn is_program(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// The messages of their language.
    pub(crate) fn texts(&self) -> &'static Texts {
        self.language.texts()
    }

    /// Who asks.
    ///
    /// # Errors
    /// That nobody is logged in.
    pub(crate) fn who(&self) -> Result<Arc<Person>, Refusal> {
        self.person.clone().ok_or(Refusal::LogIn)
    }

    /// Whether they have one of these roles.
    pub(crate) fn is_one_of(&self, roles: &[DeskRole]) -> bool {
        self.person.as_ref().is_some_and(|person| roles.iter().any(|role| person.roles.contains(role)))
    }

    /// What forms of theirs bring back.
    pub(crate) fn form_token(&self) -> String {
        self.secret.as_deref().map(secret::form_token).unwrap_or_default()
    }

    /// By what their browser is remembered.
    pub(crate) fn browser(&self) -> [u8; 32] {
        secret::name_of(self.secret.as_deref().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut request::Parts, _state: &S) -> Result<Asked, Refusal> {
        // The guard in front of every route puts it there.
        parts.extensions.get::<Asked>().cloned().ok_or(Refusal::LogIn)
    }
}

/// Whether this is a place of ours that a browser can be sent to: never another server's.
pub(crate) fn is_place(path: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\' && c != '"';
    path.starts_with('/') && !path.starts_with("//") && path.chars().all(is_plain) && path.len() < 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_server() {
        for path in ["/", "/next", "/recordings/1?a=b"] {
            assert!(is_place(path), "{path}");
        }
        for path in
            ["", "next", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: b", "/a b"]
        {
            assert!(!is_place(path), "{path}");
        }
    }

    #[test]
    fn fields_are_read_as_they_were_typed_and_bounded() {
        let form = Form::read(b"note=+asks+twice%0D%0Aagain+&empty=&note=second");
        assert_eq!((form.get("note"), form.get("empty"), form.get("other")), (Some("asks twice\r\nagain"), None, None));
        assert_eq!(form.raw("note"), " asks twice\r\nagain ");
        assert_eq!(form.text("note", 100).ok().flatten().as_deref(), Some("asks twice\nagain"));
        assert!(form.text("note", 5).is_err());
    }
}
