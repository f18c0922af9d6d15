//! The ledger as a page exports it: receipts, and what became of each.

use keepset_wire::document::{self, Mistake, Node};
use keepset_wire::receipt::Kind;
use keepset_wire::{Choice, Consent, PackHash, PlanHash, Purpose, Receipt, Standing};

/// What became of what a receipt stands for, as the device says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Waiting,
    Accepted,
    Refused,
    Withdrawn,
    Expired,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) receipt: Receipt,
    /// The hash the file says the receipt has.
    pub(super) hash: [u8; 32],
    pub(super) outcome: Outcome,
    /// The bytes that left, as far as the file still holds them.
    pub(super) body: Vec<u8>,
}

/// Reads an exported ledger; whether what it says is so is for others to find out.
///
/// # Errors
/// The first [`Mistake`]: its place and what would be right.
pub(super) fn read(text: &str) -> Result<Vec<Line>, Mistake> {
    let document = document::parse(text)?;
    let fields = Node::root(&document).object(&["format", "version", "exportedAt", "plans", "entries"])?;
    fields.need("format")?.one_of(&[("keepset-ledger", ())])?;
    fields.need("version")?.whole(1, 1)?;
    fields.need("exportedAt")?.text()?;
    fields.need("plans")?.each(bytes::<16>)?;
    fields.need("entries")?.each(line)
}

fn line(node: &Node<'_>) -> Result<Line, Mistake> {
    let receipt = [
        "number",
        "at",
        "kind",
        "purpose",
        "plan",
        "pack",
        "question",
        "window",
        "mechanism",
        "epsilon",
        "consent",
        "sha256",
        "size",
        "before",
    ];
    let beside = ["hash", "until", "outcome", "attempts", "body", "sealed"];
    let fields = node.object_of(&[&receipt, &beside])?;
    let whole = |key: &'static str| fields.need(key)?.whole(0, u32::MAX);
    instant(&fields.need("until")?)?;
    whole("attempts")?;
    Ok(Line {
        receipt: Receipt {
            number: whole("number")?,
            at: instant(&fields.need("at")?)?,
            kind: fields.need("kind")?.one_of(&[
                ("report", Kind::Report),
                ("label", Kind::Label),
                ("erasure", Kind::Erasure),
            ])?,
            purpose: fields
                .need("purpose")?
                .one_of(&[("reporting", Purpose::Reporting), ("sharing", Purpose::Sharing)])?,
            plan: PlanHash(bytes(&fields.need("plan")?)?),
            pack: PackHash(bytes(&fields.need("pack")?)?),
            question: fields.need("question")?.name()?.to_string(),
            window: whole("window")?,
            mechanism: any_text(&fields.need("mechanism")?)?.to_owned(),
            epsilon_micro: epsilon(&fields.need("epsilon")?)?,
            consent: consent(&fields.need("consent")?)?,
            sha256: bytes(&fields.need("sha256")?)?,
            size: whole("size")?,
            before: bytes(&fields.need("before")?)?,
        },
        hash: bytes(&fields.need("hash")?)?,
        outcome: fields.need("outcome")?.one_of(&[
            ("waiting", Outcome::Waiting),
            ("accepted", Outcome::Accepted),
            ("refused", Outcome::Refused),
            ("withdrawn", Outcome::Withdrawn),
            ("expired", Outcome::Expired),
        ])?,
        // What left is the sealed form; a device of before reports were sealed knew only the other.
        body: unhex(&fields.get("sealed").map_or_else(|| fields.need("body"), Ok)?)?,
    })
}

fn consent(node: &Node<'_>) -> Result<Consent, Mistake> {
    let fields = node.object(&["segmentation", "storage", "reporting", "sharing"])?;
    let gate = |key: &'static str| {
        let gate = fields.need(key)?;
        let gate = gate.object(&["choice", "since"])?;
        let choices =
            [("granted", Choice::Granted), ("denied", Choice::Denied), ("pending", Choice::Pending)];
        Ok(Standing { choice: gate.need("choice")?.one_of(&choices)?, since: instant(&gate.need("since")?)? })
    };
    Ok(Consent {
        segmentation: gate("segmentation")?,
        storage: gate("storage")?,
        reporting: gate("reporting")?,
        sharing: gate("sharing")?,
    })
}

/// Reads milliseconds since 1970.
fn instant(node: &Node<'_>) -> Result<i64, Mistake> {
    node.value().as_i64().ok_or_else(|| node.mistake("expected whole milliseconds since 1970"))
}

/// Reads an epsilon of at most six decimals; zero is that of a label.
fn epsilon(node: &Node<'_>) -> Result<u32, Mistake> {
    let micro = node.number()? * 1e6;
    if !(0.0..=1e9).contains(&micro) || (micro - micro.round()).abs() > 1e-6 {
        return Err(node.mistake("expected an epsilon with at most six decimals"));
    }
    // In range and whole by the check above.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(micro.round() as u32)
}

/// Reads a text that may be empty.
fn any_text<'a>(node: &Node<'a>) -> Result<&'a str, Mistake> {
    node.value().as_str().ok_or_else(|| node.mistake("expected a text"))
}

fn bytes<const N: usize>(node: &Node<'_>) -> Result<[u8; N], Mistake> {
    let wrong = || node.mistake(format!("expected {} hexadecimal digits", 2 * N));
    unhex(node)?.try_into().map_err(|_| wrong())
}

fn unhex(node: &Node<'_>) -> Result<Vec<u8>, Mistake> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = any_text(node)?.as_bytes();
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| node.mistake("expected pairs of hexadecimal digits"))
}
