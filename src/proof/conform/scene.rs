//! What is played to a client: one scene for each run of it.

/// A way for an engine to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Takes the call and everything that is asked.
    Plain,
    /// Answers late, in pieces of a byte, with fields and events that nobody knows.
    Chatty,
    /// Does not take the call.
    Refused,
    /// Refuses each control once.
    Refusals,
    /// Says of each control that it was so before.
    Already,
    /// Reads nothing for two seconds in the middle of the call.
    Deaf,
    /// Loses the connection in the middle of the call.
    Gone,
    /// Says that something is wrong with the connection, and closes it.
    Fault,
    /// Is killed in the middle of the call, and runs again: the call is unknown then.
    Restarted,
    /// Stops in the middle of the call.
    Stopping,
}

impl Scene {
    /// All of them, in the order in which they are played.
    pub const ALL: [Scene; 10] = [
        Scene::Plain,
        Scene::Chatty,
        Scene::Refused,
        Scene::Refusals,
        Scene::Already,
        Scene::Deaf,
        Scene::Gone,
        Scene::Fault,
        Scene::Restarted,
        Scene::Stopping,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Scene::Plain => "plain",
            Scene::Chatty => "chatty",
            Scene::Refused => "refused",
            Scene::Refusals => "refusals",
            Scene::Already => "already",
            Scene::Deaf => "deaf",
            Scene::Gone => "gone",
            Scene::Fault => "fault",
            Scene::Restarted => "restarted",
            Scene::Stopping => "stopping",
        }
    }

    /// What the engine does in it.
    pub const fn about(self) -> &'static str {
        match self {
            Scene::Plain => "takes the call and does all that is asked",
            Scene::Chatty => "answers late, byte by byte, with events and fields of later versions",
            Scene::Refused => "does not take the call: its memory is full",
            Scene::Refusals => "refuses each control the first time",
            Scene::Already => "says of each control that it was so before",
            Scene::Deaf => "reads nothing for two seconds",
            Scene::Gone => "closes the connection in the middle of the call",
            Scene::Fault => "sends an error in the middle of the call, and closes",
            Scene::Restarted => "closes the connection in the middle of the call, and does not know the call any more",
            Scene::Stopping => "stops in the middle of the call",
        }
    }

    /// Whether the client's connection ends by what the engine does.
    pub(super) const fn ends_the_connection(self) -> bool {
        matches!(self, Scene::Gone | Scene::Fault | Scene::Restarted | Scene::Stopping)
    }

    /// Whether the call goes on afterwards, if the client comes back.
    pub(super) const fn can_be_attached(self) -> bool {
        matches!(self, Scene::Gone | Scene::Fault)
    }

    /// Whether the call is over by what the engine does, so that what is left of it is another one.
    pub(super) const fn can_be_continued(self) -> bool {
        matches!(self, Scene::Restarted | Scene::Stopping)
    }
}
