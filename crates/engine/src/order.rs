//! An order in which each thing stands after those it reads.

/// Orders `0..count` so that each stands after those it reads, or returns the members of a loop, the first again at the end.
pub(crate) fn topological(
    count: usize,
    reads: impl Fn(usize) -> Vec<usize>,
) -> Result<Vec<usize>, Vec<usize>> {
    let reads: Vec<Vec<usize>> = (0..count).map(reads).collect();
    let mut order = Vec::with_capacity(count);
    let mut done = vec![false; count];
    while order.len() < count {
        let before = order.len();
        for index in 0..count {
            if !done[index] && reads[index].iter().all(|read| done[*read]) {
                done[index] = true;
                order.push(index);
            }
        }
        if order.len() == before {
            return Err(find_loop(&reads, &done));
        }
    }
    Ok(order)
}

/// Follows what is not done until one comes up again; called when every such one reads another.
fn find_loop(reads: &[Vec<usize>], done: &[bool]) -> Vec<usize> {
    let mut path: Vec<usize> = Vec::new();
    let mut next = done.iter().position(|done| !done);
    while let Some(index) = next {
        if let Some(start) = path.iter().position(|seen| *seen == index) {
            path.push(index);
            return path.split_off(start);
        }
        path.push(index);
        next = reads[index].iter().copied().find(|read| !done[*read]);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn each_stands_after_those_it_reads_and_a_loop_is_named() {
        let order = topological(4, |index| [vec![2], vec![], vec![1, 3], vec![1]][index].clone());
        assert_eq!(order, Ok(vec![1, 3, 2, 0]));
        let order = topological(3, |index| [vec![1], vec![2], vec![1]][index].clone());
        assert_eq!(order, Err(vec![1, 2, 1]));
    }
}
