//! The tables of steps and of variables.

use maud::{Markup, html};

use super::{StepRow, VariableRow};

pub(super) fn steps(rows: &[StepRow]) -> Markup {
    html! {
        section class="card" aria-labelledby="steps" {
            h2 id="steps" { "The same in seven steps" }
            div class="how-scroll" role="region" aria-labelledby="steps" tabindex="0" {
                table class="how-table" {
                    thead {
                        tr {
                            @for name in ["Step", "Who", "Action", "Input", "Result", "Held"] {
                                th scope="col" { (name) }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr class=[row.held.is_none().then_some("absent")] {
                                th scope="row" { (row.step) }
                                td { (row.who) }
                                td { (row.action) }
                                td { (row.input) }
                                td { (row.result) }
                                td {
                                    @match row.held {
                                        Some(true) => span class="badge good" { "✓ yes" },
                                        Some(false) => span class="badge bad" { "✗ no" },
                                        None => "–",
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn variables(rows: &[VariableRow]) -> Markup {
    html! {
        section class="card" aria-labelledby="variables" {
            h2 id="variables" { "What the client holds" }
            div class="how-scroll" role="region" aria-labelledby="variables" tabindex="0" {
                table class="how-table" {
                    thead {
                        tr {
                            th scope="col" { "Variable" }
                            @for name in ["Start", "After 3", "After 4", "After 5", "Final"] {
                                th scope="col" { (name) }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr {
                                th scope="row" { code { (row.name) } }
                                @for cell in &row.values {
                                    td class=(if cell.status == "none" { "absent" } else { "" }) {
                                        (cell.status)
                                        @if !cell.shown.is_empty() { br; code { (cell.shown) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
