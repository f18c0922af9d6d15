//! The files: is what is audited what the package loads?

use super::{Audit, grouped};
use crate::audit::finding::{Finding, Section};
use crate::audit::lane::{Files, Lane};

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<(Files, Section)> {
    let files = Lane::start(audit.lanes.package)?.files()?;
    let wrong = if files.wrong.is_empty() {
        "all have".into()
    } else {
        format!("have not: {}", files.wrong.join(", "))
    };
    let findings = vec![
        Finding {
            about: format!("the {} files that load", files.promised),
            claimed: "have the hash in integrity.json".into(),
            measured: wrong,
            holds: files.wrong.is_empty() && files.promised > 0,
        },
        Finding {
            about: "report.wasm".into(),
            claimed: "in every script that carries it".into(),
            measured: format!("{} copies, {} bytes each", files.copies, grouped(files.bytes)),
            holds: files.wrong.is_empty() && files.copies > 0,
        },
        Finding {
            about: "what the module is given".into(),
            claimed: "functions alone, no memory of the page".into(),
            measured: format!("{} functions, {} else", files.imports, files.strange),
            holds: files.strange == 0,
        },
    ];
    let method = "Every script and module of the package against the hashes it publishes; the copies of the module in \
                  scripts against the module.";
    Ok((files, Section { code: "files", title: "The package is one", method: method.into(), findings }))
}
