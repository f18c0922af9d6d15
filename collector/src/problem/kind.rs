//! The kinds of refusals, with their stable names.

use axum::http::StatusCode;

/// A kind of refusal. Its slug is stable: clients may act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// The body held nothing.
    EmptyBody,
    /// The body is no whole number of reports of this plan.
    WrongLength,
    /// The body ended before its announced length.
    CutBody,
    /// A report has a version this collector does not know.
    UnknownVersion,
    /// The query is not understood.
    BadQuery,
    /// What a relay forwarded does not open, or holds no request.
    NotDecapsulated,
    /// Reading needs a token that is known.
    TokenNeeded,
    /// A report came without a token, and needs one.
    ReportTokenNeeded,
    /// The token of a report is none that counts here.
    ReportTokenRefused,
    /// What came through a relay is no request that devices make.
    NotForDevices,
    /// The browser asks that nothing is shared.
    PrivacySignal,
    /// The role of the token does not read this.
    WrongRole,
    /// Nothing is at this path.
    NotFound,
    /// The plan has no such window.
    UnknownWindow,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body took too long to arrive.
    SlowBody,
    /// A report answers another plan.
    UnknownPlan,
    /// A report is sealed to a key the collector does not hold.
    UnknownKey,
    /// Labels were agreed to under terms the collector was not given.
    UnknownTerms,
    /// The token of a report came with another report before.
    ReportTokenSpent,
    /// A report's window is closed.
    WindowClosed,
    /// The labels of this name were erased.
    LabelsErased,
    /// The body is larger than the largest allowed.
    BodyTooLarge,
    /// The body is not of the content type of reports.
    WrongContentType,
    /// The reports are not sealed.
    NotSealed,
    /// The body is no encapsulated request.
    NotEncapsulated,
    /// The body is not of the content type of labels.
    NoLabelsType,
    /// A report answers a question the plan does not have.
    UnknownQuestion,
    /// A report's epoch is not open yet, or is none of the plan's.
    EpochAhead,
    /// An answer does not have the shape of every honest one.
    MalformedAnswer,
    /// A report does not open with the key it names.
    Unopened,
    /// What a sealed report holds is not what stands outside on it.
    SealMismatch,
    /// A message about labels was made too long ago, or is yet to be made.
    StaleLabels,
    /// A message about labels holds what no honest one does.
    MalformedLabels,
    /// The address asks too often.
    TooManyRequests,
    /// All together ask too often.
    TooManyTogether,
    /// More reports are waiting than the collector lets wait.
    Busy,
    /// The store cannot be written or read now.
    StoreUnavailable,
    /// What is read cannot be written down now.
    LogUnavailable,
    /// The issuer of tokens does not say what its keys are.
    IssuerUnavailable,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 40] = [
        Self::EmptyBody,
        Self::WrongLength,
        Self::CutBody,
        Self::UnknownVersion,
        Self::BadQuery,
        Self::NotDecapsulated,
        Self::TokenNeeded,
        Self::ReportTokenNeeded,
        Self::ReportTokenRefused,
        Self::NotForDevices,
        Self::PrivacySignal,
        Self::WrongRole,
        Self::NotFound,
        Self::UnknownWindow,
        Self::MethodNotAllowed,
        Self::SlowBody,
        Self::UnknownPlan,
        Self::UnknownKey,
        Self::UnknownTerms,
        Self::ReportTokenSpent,
        Self::WindowClosed,
        Self::LabelsErased,
        Self::BodyTooLarge,
        Self::WrongContentType,
        Self::NotSealed,
        Self::NotEncapsulated,
        Self::NoLabelsType,
        Self::UnknownQuestion,
        Self::EpochAhead,
        Self::MalformedAnswer,
        Self::Unopened,
        Self::SealMismatch,
        Self::StaleLabels,
        Self::MalformedLabels,
        Self::TooManyRequests,
        Self::TooManyTogether,
        Self::Busy,
        Self::StoreUnavailable,
        Self::LogUnavailable,
        Self::IssuerUnavailable,
    ];

    /// Returns the stable name.
    #[must_use]
    pub fn slug(self) -> &'static str {
        self.entry().0
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.entry().1
    }

    /// Returns the one sentence that is the same for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().2
    }

    /// Returns what the sender can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.entry().3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once_and_has_its_own_slug() {
        let mut slugs: Vec<&str> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Kind::ALL.len());
        assert!(Kind::ALL.is_sorted(), "counters are indexed by the order of the variants");
    }
}
