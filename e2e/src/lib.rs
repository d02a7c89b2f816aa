//! Starting foreign programs for the tests in `tests/`.
