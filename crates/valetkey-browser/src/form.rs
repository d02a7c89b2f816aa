//! Forms: read from a page, filled in as a person would, serialised.

use crate::{
    error::BrowserError,
    html::{Token, attribute},
};

/// A form of a page.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Form {
    /// The `name`, else the `id`, else empty.
    pub name: String,
    /// The `action` as written; empty is the page itself.
    pub action: String,
    /// `get` or `post`, in lower case.
    pub method: String,
    /// The `enctype`, empty when none is given.
    pub enctype: String,
    /// Its controls in document order, disabled ones left out.
    pub controls: Vec<Control>,
    id: String,
}

/// A control of a form.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Control {
    /// The name it is sent under; without one it is not sent.
    pub name: String,
    /// The value as it stands.
    pub value: String,
    /// The type of the input (`text`, `hidden`, `submit`, …), or `select`,
    /// `textarea`.
    pub kind: String,
    /// For `checkbox` and `radio`: whether it is set.
    pub checked: bool,
    /// For a button: where it sends the form instead.
    pub action: Option<String>,
    /// For a button: how it sends the form instead.
    pub method: Option<String>,
    /// For `select`: the values to choose from.
    pub options: Vec<String>,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("controls", &self.controls)
            .finish_non_exhaustive()
    }
}

// A value may be a password or a form token.
impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.kind, self.name)
    }
}

impl Control {
    fn is_button(&self) -> bool {
        matches!(self.kind.as_str(), "submit" | "image")
    }
}

impl Form {
    /// The value of the first control of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.controls
            .iter()
            .find(|c| c.name == name)
            .map(|c| c.value.as_str())
    }

    /// Fills the form in and answers the button that is pressed: the one
    /// named in `fields`, else the first, as the Enter key does.
    ///
    /// # Errors
    ///
    /// A field that is not there, or is hidden.
    pub(crate) fn fill(&mut self, fields: &[(&str, &str)]) -> Result<Option<usize>, BrowserError> {
        let mut pressed = None;
        for &(name, value) in fields {
            let hits: Vec<usize> = (0..self.controls.len())
                .filter(|&i| self.controls[i].name == name)
                .collect();
            if let Some(&button) = hits
                .iter()
                .find(|&&i| self.controls[i].is_button() && self.controls[i].value == value)
            {
                pressed = Some(button);
                continue;
            }
            let mut done = false;
            for i in hits {
                let control = &mut self.controls[i];
                match control.kind.as_str() {
                    "checkbox" | "radio" => {
                        control.checked = control.value == value;
                        done |= control.checked;
                    }
                    "select" if !control.options.iter().any(|o| o == value) => {}
                    "hidden" => {
                        return Err(BrowserError::Hidden(self.name.clone(), name.to_owned()));
                    }
                    _ if control.is_button() => {}
                    _ => {
                        value.clone_into(&mut control.value);
                        done = true;
                    }
                }
                if done && !matches!(control.kind.as_str(), "checkbox" | "radio") {
                    break;
                }
            }
            // An empty value unticks; anything else must have found its place.
            if !done && !value.is_empty() || !self.controls.iter().any(|c| c.name == name) {
                return Err(BrowserError::NoField {
                    form: self.name.clone(),
                    field: name.to_owned(),
                    found: format!("{:?}", self.controls),
                });
            }
        }
        Ok(pressed.or_else(|| self.controls.iter().position(Control::is_button)))
    }

    /// What is sent: the successful controls, in order.
    pub(crate) fn entries(&self, pressed: Option<usize>) -> Vec<(&str, &str)> {
        self.controls
            .iter()
            .enumerate()
            .filter(|(i, c)| {
                !c.name.is_empty()
                    && match c.kind.as_str() {
                        "submit" | "image" => pressed == Some(*i),
                        "button" | "reset" => false,
                        "checkbox" | "radio" => c.checked,
                        _ => true,
                    }
            })
            .map(|(_, c)| (c.name.as_str(), c.value.as_str()))
            .collect()
    }
}

/// Reads all forms of a document.
pub(crate) fn read_forms(tokens: &[Token]) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    // Controls with a `form` attribute may stand before their form.
    let mut loose: Vec<(String, Control)> = Vec::new();
    let mut open: Option<usize> = None;
    let mut i = 0;
    while i < tokens.len() {
        match &tokens[i] {
            Token::Open(name, attributes) if name == "form" && open.is_none() => {
                let get = |n: &str| attribute(attributes, n).unwrap_or_default().to_owned();
                let id = get("id");
                let name = Some(get("name")).filter(|n| !n.is_empty());
                forms.push(Form {
                    name: name.unwrap_or_else(|| id.clone()),
                    action: get("action"),
                    method: match get("method").to_ascii_lowercase().as_str() {
                        "post" => "post".into(),
                        _ => "get".into(),
                    },
                    enctype: get("enctype").to_ascii_lowercase(),
                    controls: Vec::new(),
                    id,
                });
                open = Some(forms.len() - 1);
            }
            Token::Close(name) if name == "form" => open = None,
            Token::Open(name, attributes)
                if matches!(name.as_str(), "input" | "button" | "select" | "textarea") =>
            {
                let owner = attribute(attributes, "form");
                let disabled = attribute(attributes, "disabled").is_some();
                let control = read_control(name, attributes, &tokens[i + 1..]);
                if !disabled {
                    match (owner, open) {
                        (Some(id), _) => loose.push((id.to_owned(), control)),
                        (None, Some(form)) => forms[form].controls.push(control),
                        (None, None) => {}
                    }
                }
            }
            _ => {}
        }
        i += 1;
    }
    for (id, control) in loose {
        if let Some(form) = forms.iter_mut().find(|f| !f.id.is_empty() && f.id == id) {
            form.controls.push(control);
        }
    }
    forms
}

fn read_control(tag: &str, attributes: &[(String, String)], rest: &[Token]) -> Control {
    let get = |n: &str| attribute(attributes, n).map(str::to_owned);
    let mut control = Control {
        name: get("name").unwrap_or_default(),
        value: get("value").unwrap_or_default(),
        kind: match tag {
            "input" => get("type").map_or("text".into(), |t| t.to_ascii_lowercase()),
            "button" => get("type").map_or("submit".into(), |t| t.to_ascii_lowercase()),
            other => other.to_owned(),
        },
        checked: get("checked").is_some(),
        action: get("formaction"),
        method: get("formmethod").map(|m| m.to_ascii_lowercase()),
        options: Vec::new(),
    };
    match control.kind.as_str() {
        "checkbox" | "radio" if get("value").is_none() => control.value = "on".into(),
        "textarea" => {
            if let Some(Token::Text(text)) = rest.first() {
                // The newline right after the tag is not content.
                control.value = text.strip_prefix('\n').unwrap_or(text).to_owned();
            }
        }
        "select" => read_options(&mut control, rest),
        _ => {}
    }
    control
}

fn read_options(control: &mut Control, rest: &[Token]) {
    let mut chosen = None;
    for (i, token) in rest.iter().enumerate() {
        match token {
            Token::Close(name) if name == "select" => break,
            Token::Open(name, attributes) if name == "option" => {
                let label = match rest.get(i + 1) {
                    Some(Token::Text(text)) => text.trim(),
                    _ => "",
                };
                let value = attribute(attributes, "value").unwrap_or(label).to_owned();
                if attribute(attributes, "selected").is_some() {
                    chosen = Some(value.clone());
                }
                control.options.push(value);
            }
            _ => {}
        }
    }
    control.value = chosen
        .or_else(|| control.options.first().cloned())
        .unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tokens;

    const PAGE: &str = r#"
      <form name="consent" method="POST" action="/authorize">
        <input type="hidden" name="token" value="t&amp;1">
        <input name="note" value="old"><input type=checkbox name=remember>
        <select name="account"><option value="1">One<option selected>Two</select>
        <textarea name="text">
a &lt; b</textarea>
        <input name="off" value="x" disabled>
        <button name="decision" value="allow">Allow</button>
        <button name="decision" value="deny">Deny</button>
      </form>
      <form id="other"></form><input form="other" name="far" value="away">"#;

    #[test]
    fn a_form_is_sent_as_it_stands() {
        let mut form = read_forms(&tokens(PAGE)).remove(0);
        assert_eq!(form.method, "post");
        let pressed = form.fill(&[("decision", "deny")]).unwrap();
        assert_eq!(
            form.entries(pressed),
            [
                ("token", "t&1"),
                ("note", "old"),
                ("account", "Two"),
                ("text", "a < b"),
                ("decision", "deny"),
            ]
        );
    }

    #[test]
    fn fields_are_filled_in_and_boxes_ticked() {
        let mut form = read_forms(&tokens(PAGE)).remove(0);
        let pressed = form
            .fill(&[("note", "new"), ("remember", "on"), ("account", "1")])
            .unwrap();
        let entries = form.entries(pressed);
        assert!(entries.contains(&("note", "new")), "{entries:?}");
        assert!(entries.contains(&("remember", "on")), "{entries:?}");
        assert!(entries.contains(&("account", "1")), "{entries:?}");
        // The Enter key presses the first button.
        assert!(entries.contains(&("decision", "allow")), "{entries:?}");
    }

    #[test]
    fn a_person_can_neither_change_hidden_inputs_nor_invent_fields() {
        let form = read_forms(&tokens(PAGE)).remove(0);
        let fill = |name, value| form.clone().fill(&[(name, value)]);
        assert!(matches!(fill("token", "x"), Err(BrowserError::Hidden(..))));
        for (name, value) in [
            ("nowhere", "x"),
            ("decision", "maybe"),
            ("off", "x"),
            ("account", "9"),
        ] {
            assert!(
                matches!(fill(name, value), Err(BrowserError::NoField { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn controls_find_a_form_elsewhere_by_id() {
        let forms = read_forms(&tokens(PAGE));
        assert_eq!(forms[1].name, "other");
        assert_eq!(forms[1].value("far"), Some("away"));
    }
}
