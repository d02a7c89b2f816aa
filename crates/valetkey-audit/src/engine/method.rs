//! Calls of methods.

use super::{Engine, Eval};
use crate::{
    ir::Span,
    libraries::{CallModel, Does},
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn call_method(
        &mut self,
        of: &Value,
        name: &str,
        args: Vec<Value>,
        named: Vec<(String, Value)>,
        at: Span,
    ) -> Eval<Value> {
        if matches!(of.kind, Kind::Outcome(_)) {
            if let Some(value) = self.optional(of, name, &args, at)? {
                return Ok(value);
            }
            return self.call_method(&super::outcome::held_or_unknown(of), name, args, named, at);
        }
        if of.is_none()
            && let Some(model) = self.libraries.method("nil", name)
        {
            return self.apply(model, Some(of.clone()), name, args, named, at);
        }
        if let (Kind::Func(_), "call") = (&of.kind, name) {
            return self.call_value(of, args, named, at);
        }
        if let (Kind::Obj(id), "$resolve" | "$reject") = (&of.kind, name) {
            self.settle(*id, name, &args);
            return Ok(Value::none());
        }
        if let Some(value) = self.queued(of, name, &args)? {
            return Ok(value);
        }
        if let Kind::Class(class) = &of.kind
            && self.is_service(class, name)
        {
            return self.serve(&class.clone(), name, args, named, at);
        }
        self.includes_router(of, name, &args, &named);
        if let Some(filter) = self.chained(of, name, &args) {
            return Ok(filter);
        }
        if self.traits.packages
            && let Some(value) = self.routed(of, name, &args, at)?
        {
            return Ok(value);
        }
        if let Kind::Obj(id) = &of.kind {
            let class = self
                .heap
                .get(*id)
                .map(|o| o.class.clone())
                .unwrap_or_default();
            let last = class.rsplit('.').next().unwrap_or(&class).to_owned();
            let model = self
                .libraries
                .method(&class, name)
                .or_else(|| self.libraries.method(&last, name));
            // `app.get("env")` is no route.
            let said = match (model, args.first().and_then(Value::as_str)) {
                (None, Some(word))
                | (
                    Some(CallModel {
                        does: Does::Route, ..
                    }),
                    Some(word),
                ) => self.libraries.method(&class, &format!("{name}({word})")),
                _ => None,
            };
            // `app.register(plugin)`: what the plugin is says more.
            let plugin = match (model, args.first().map(|v| &v.kind)) {
                (Some(m), Some(Kind::Ext(path))) if m.does == Does::Nothing => {
                    self.libraries.method("*", &format!("{name}({path})"))
                }
                _ => None,
            };
            if let Some(model) = plugin.or(said).or(model) {
                return self.apply(model, Some(of.clone()), name, args, named, at);
            }
        }
        if let Kind::Map(map) = &of.kind
            && let Some(model) = self.libraries.method(&format!("map:{map}"), name)
        {
            return self.apply(model, Some(of.clone()), name, args, named, at);
        }
        if let Some(value) = self.own_accessor(of, name, &args, at)? {
            return Ok(value);
        }
        if let Some(value) = self.optional(of, name, &args, at)? {
            return Ok(value);
        }
        // A method of anything, known by what it is given.
        if !matches!(of.kind, Kind::Map(_))
            && let Some(Kind::Ext(path)) = args.first().map(|v| &v.kind)
            && let Some(model) = self.libraries.method("*", &format!("{name}({path})"))
        {
            return self.apply(model, Some(of.clone()), name, args, named, at);
        }
        if let Some(model) = self.in_context(name, &args) {
            return self.apply(model, Some(of.clone()), name, args, named, at);
        }
        if !matches!(of.kind, Kind::Map(_)) && self.unknown_route(name, &args) {
            return Ok(of.clone());
        }
        if let Some(value) = self.read_by(of, Some(name), &args, &named, at)? {
            return Ok(value);
        }
        if let Some(value) = self.higher(of, name, &args, at)? {
            return Ok(value);
        }
        if let Some(request) = self.request_of(of, name, &args, at)? {
            return Ok(request);
        }
        if let Some((client, model)) = self.client_given(of, name) {
            return self.apply(model, Some(client), name, args, named, at);
        }
        if let Some(row) = self.kept_by_state(of, name, &args, at)? {
            return Ok(row);
        }
        if let Some(value) = self.builtin(of, name, &args, &named, at)? {
            return Ok(value);
        }
        let any = self.libraries.method("*", name);
        if let Some(model) = any.filter(|m| m.takes(args.len())) {
            return self.apply(model, Some(of.clone()), name, args, named, at);
        }
        if let Kind::Alt(all) = &of.kind
            && let Some(one) = all.iter().find(|v| !v.is_none())
        {
            return self.call_method(&one.clone(), name, args, named, at);
        }
        if self.logs_to_member(of, name, &args, &named, at) {
            return Ok(Value::none());
        }
        self.may_inspect(name, &args);
        self.claims_handed(name, &args, &named, at);
        self.user_kept(name, &args, at);
        if let Some(answer) = self.tokens_unseen(name, &args, &named, at)? {
            return Ok(answer);
        }
        let given = self.all_given(&args, &named);
        if let Some(answer) = self.exchanged_unseen(name, &given, at)? {
            return Ok(answer);
        }
        self.hands_code(name, &args, &named, at)?;
        if let Some(profile) = self.profile_unseen(name, &given, at) {
            return Ok(profile);
        }
        if let Some(value) = self.own_exchange(name, &args, at)? {
            return Ok(value);
        }
        if let Some(value) = self.written_form(name, &args, at) {
            return Ok(value);
        }
        if let Some(value) = self.lent(name, &args, at)? {
            return Ok(value);
        }
        if let Some(value) = self.hand_over(of, &args, at)? {
            return Ok(value);
        }
        if let Some(value) = self.unseen(name, &args, at)? {
            return Ok(value);
        }
        let mut value = self.foreign(of, &args, &named);
        self.answer_of_client(of, name, !args.is_empty(), &mut value);
        if super::unseen::makes(name) {
            // What it puts besides a date or a number is not known.
            let origins = &self.origins;
            value
                .taint
                .retain(|id| *origins.of(*id) != Origin::WeakRandom);
        }
        Ok(value)
    }
}
