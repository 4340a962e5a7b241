//! Steps that are taken with a member, and what each does in words.

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another role.
    Role,
    /// A link to a new password.
    Password,
    /// No second factors any more.
    Factors,
    /// No right to sign in any more.
    Remove,
    /// The right to sign in again, a moment after.
    Restore,
}

impl Step {
    /// The step of that name in an address or a form.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "role" => Self::Role,
            "password" => Self::Password,
            "factors" => Self::Factors,
            "remove" => Self::Remove,
            "restore" => Self::Restore,
            _ => return None,
        })
    }

    /// What is about to be done, also to oneself; the button says the same.
    pub const fn title(self, me: bool) -> &'static str {
        match self {
            Self::Role => "Change role",
            Self::Password => "Make password link",
            Self::Factors => "Reset second factors",
            Self::Remove if me => "Remove yourself",
            Self::Remove => "Remove member",
            Self::Restore => "Undo the removal",
        }
    }

    /// How the page that comes next calls what was done.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Role => "role_changed",
            Self::Password => "password_link_made",
            Self::Factors => "factors_reset",
            Self::Remove => "member_removed",
            Self::Restore => "member_restored",
        }
    }
}

/// What comes of a step, a paragraph each. `leaves` says which of their programs end.
pub fn consequences(step: Step, leaves: &str) -> Vec<String> {
    let words: &[&str] = match step {
        Step::Role => &[
            "Ends all their sessions at once, and revokes those of their API tokens that may do more than the new role.",
            "Takes back those of their invitations that nobody has accepted and that the new role may not make.",
            "The role can be changed back at any time; what was revoked or taken back stays so.",
        ],
        Step::Password => &[
            "Makes a link by which they choose a new password, once and within a day. It is shown to you once, and mailed to them where mail leaves; an earlier link opens nothing any more.",
            "Nothing changes for them until they use it. Then all their sessions end; a second factor is asked for all the same.",
        ],
        Step::Factors => &[
            "Takes all their second factors and recovery codes away and ends all their sessions at once. They sign in with the password alone then, and set one up before anything else where their role needs one.",
            "This cannot be undone. Make sure that it is really them who ask.",
        ],
        Step::Remove => &[
            "Ends all their sessions at once. What they did stays in the audit log.",
            leaves,
            "Can be undone for ten minutes: role, password and second factors come back; API tokens stay revoked and webhooks paused. Later an invitation lets them begin anew.",
        ],
        Step::Restore => &[],
    };
    words.iter().filter(|words| !words.is_empty()).map(|words| (*words).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_says_what_it_does_and_that_it_was_done() {
        for name in ["role", "password", "factors", "remove"] {
            let step = Step::from_name(name).unwrap();
            assert!(consequences(step, "").len() >= 2, "{name}");
            assert!(!step.title(false).is_empty() && !step.done().is_empty());
        }
        assert_eq!(Step::from_name("promote"), None);
        assert!(consequences(Step::Remove, "API tokens: Shop.").contains(&"API tokens: Shop.".to_owned()));
    }
}
