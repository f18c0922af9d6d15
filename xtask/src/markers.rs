//! Tables in the docs that a command writes: what stands between `<!-- name:begin -->` and `<!-- name:end -->`.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Replaces what stands between a page's markers.
pub(crate) fn write(page: &Path, name: &str, table: &str) -> Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| format!("{} is missing", paths::shown(page)))?;
    let text = replaced(&text, name, table).with_context(|| paths::shown(page))?;
    std::fs::write(page, text).with_context(|| format!("could not write {}", paths::shown(page)))
}

/// The text with everything between the two markers replaced.
fn replaced(text: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else { bail!("there is no {begin} ... {end}") };
    Ok(format!("{before}{begin}\n{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn the_table_replaces_the_old_one_and_nothing_else() {
        let page = "before\n<!-- size:begin -->\nold\n<!-- size:end -->\nafter\n";
        let new = replaced(page, "size", "new\n").unwrap();
        assert_eq!(new, "before\n<!-- size:begin -->\nnew\n<!-- size:end -->\nafter\n");
    }

    #[test]
    fn a_page_without_the_markers_is_left_alone() {
        replaced("no markers", "size", "new\n").unwrap_err();
        replaced("<!-- size:begin -->", "size", "new\n").unwrap_err();
    }
}
