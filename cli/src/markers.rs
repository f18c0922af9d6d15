//! Tables in pages that a command writes: what stands between `<!-- name:begin -->` and `<!-- name:end -->`.

use std::path::Path;

use anyhow::Context as _;

/// Puts a text in its place on a page; `name` is that of its markers.
///
/// # Errors
/// When the page cannot be read or written, or has no such place: it is left as it is then.
pub(crate) fn write(page: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let shown = page.display();
    let old = std::fs::read_to_string(page).with_context(|| format!("cannot read {shown}"))?;
    let new = replaced(&old, name, text);
    let new = new.with_context(|| format!("{shown} has no <!-- {name}:begin --> .. <!-- {name}:end -->"))?;
    std::fs::write(page, new).with_context(|| format!("cannot write {shown}"))
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let page = "Before\n<!-- audit:begin -->\nold\n<!-- audit:end -->\nafter\n";
        let text = "```text\nnew\n```\n";
        let new = replaced(page, "audit", text).unwrap();
        assert_eq!(new, "Before\n<!-- audit:begin -->\n```text\nnew\n```\n<!-- audit:end -->\nafter\n");
        assert_eq!(replaced(&new, "audit", text), Some(new.clone()));
        assert_eq!(replaced("no place", "audit", "new"), None);
        assert_eq!(replaced(page, "figures", "new"), None);
    }
}
