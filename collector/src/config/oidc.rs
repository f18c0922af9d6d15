//! The settings of an issuer that vouches for readers.

use clap::Args;

use crate::access::{Expected, Issuer, Role};

/// Who else vouches for readers.
#[derive(Clone, Debug, Args)]
pub struct Oidc {
    /// Take bearer tokens (JWT) of this OpenID Connect issuer, beside those of --tokens; it is asked for its keys. What is read is written to --read-log.
    #[arg(long, value_name = "URL", requires_all = ["oidc_audience", "read_log"], conflicts_with = "public_reading")]
    pub oidc_issuer: Option<String>,
    /// For whom the tokens must be made (`aud`).
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    pub oidc_audience: Option<String>,
    /// The claim that says what a bearer is there for; dots lead into objects, as in realm_access.roles.
    #[arg(long, value_name = "CLAIM", default_value = "roles")]
    pub oidc_claim: String,
    /// What a value of the claim stands for, as in keepset-readers=analyst; may be given several times. Without any, roles are called as they are here.
    #[arg(long, value_name = "VALUE=ROLE", value_parser = mapping, requires = "oidc_issuer")]
    pub oidc_role: Vec<(String, Role)>,
}

impl Oidc {
    /// Returns the issuer, once it was asked for its keys; nothing where none is named.
    ///
    /// # Errors
    /// One sentence that names the flag.
    pub fn issuer(&self) -> Result<Option<Issuer>, String> {
        let (Some(issuer), Some(audience)) = (&self.oidc_issuer, &self.oidc_audience) else {
            return Ok(None);
        };
        let (claim, roles) = (self.oidc_claim.clone(), self.oidc_role.clone());
        Issuer::new(Expected { issuer: issuer.clone(), audience: audience.clone(), claim, roles }).map(Some)
    }
}

fn mapping(text: &str) -> Result<(String, Role), String> {
    let (value, role) = text.rsplit_once('=').ok_or("expected VALUE=ROLE")?;
    Ok((value.to_owned(), Role::parse(role)?))
}
