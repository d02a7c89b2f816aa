//! Every page with a hostile value in every field. The views are spelled out
//! in full, so that a new field does not compile until it is here too.

use std::cell::Cell;

use valetkey_pages::{
    FormView, Granted, Hidden, Link, Moment, Notice, NoticeKind, ShownOnce, TestUser, app, how,
    how::{ArrowState, Kind, Outcome, Who},
    provider,
};

/// One page made of hostile values, and how many of them there are.
pub(crate) struct Page {
    pub(crate) name: &'static str,
    pub(crate) html: String,
    pub(crate) values: u32,
}

/// The `n`th hostile value: it ends attributes and elements and starts a
/// script. The letters around the number make each of them unmistakable.
pub(crate) fn value(n: u32) -> String {
    format!("\"'><script>canary-{n}-end</script><img src=x onerror=\"x\">&lt;")
}

/// Hands out hostile values, each once.
#[derive(Default)]
pub(crate) struct Evil(Cell<u32>);

impl Evil {
    fn s(&self) -> String {
        let n = self.0.get();
        self.0.set(n + 1);
        value(n)
    }
    fn link(&self) -> Link {
        Link::new(self.s(), "javascript:alert(document.domain)")
    }
    fn hidden(&self) -> Hidden {
        Hidden::new(self.s(), self.s())
    }
    fn form(&self) -> FormView {
        FormView {
            name: self.s(),
            action: "javascript:alert(1)".into(),
            label: self.s(),
            explains: self.s(),
            disabled_reason: Some(self.s()),
            hidden: vec![self.hidden()],
        }
    }
    fn notice(&self) -> Option<Notice> {
        Some(Notice::new(NoticeKind::Error, self.s()))
    }
    fn moment(&self) -> Option<Moment> {
        Some(Moment {
            rfc3339: self.s(),
            human: self.s(),
        })
    }
    fn granted(&self) -> Vec<Granted> {
        let known = Granted {
            scope: self.s(),
            words: self.s(),
        };
        vec![known, Granted::of(self.s())]
    }
    fn users(&self) -> Vec<TestUser> {
        vec![TestUser {
            username: self.s(),
            password: self.s(),
        }]
    }
}

/// All pages of the crate.
pub(crate) fn pages() -> Vec<Page> {
    let make = |name, build: fn(&Evil) -> String| {
        let evil = Evil::default();
        let html = build(&evil);
        let values = evil.0.get();
        Page { name, html, values }
    };
    vec![
        make("app::signed_out", |e| app::signed_out(&signed_out(e))),
        make("app::signed_out_done", |e| {
            app::signed_out_done(&app::SignedOutView {
                providers: Vec::new(),
                test_users: Vec::new(),
                ..signed_out_short(e)
            })
        }),
        make("app::sign_out_confirm", |e| {
            app::sign_out_confirm(&app::SignOutView {
                app_name: e.s(),
                name: e.s(),
                form: e.form(),
                links: vec![e.link()],
            })
        }),
        make("app::misdirected", |e| {
            app::misdirected(&app::MisdirectedView {
                app_name: e.s(),
                asked_host: e.s(),
                right_href: e.s(),
            })
        }),
        make("app::home", |e| app::home(&home(e))),
        make("app::greeting", |e| {
            app::greeting(&app::Greeting {
                app_name: e.s(),
                heading: e.s(),
                text: e.s(),
                notice: e.notice(),
                forms: vec![e.form()],
                links: vec![e.link()],
            })
        }),
        make("app::photos", |e| {
            app::photos(&app::PhotosView {
                app_name: e.s(),
                count_line: e.s(),
                photos: vec![e.s(), e.s()],
                mail_refusal: Some(app::Refusal {
                    request: e.s(),
                    status: 403,
                    error: e.s(),
                    explanation: e.s(),
                }),
                links: vec![e.link()],
            })
        }),
        make("app::error", |e| app::error(&error(e))),
        make("how::page", |e| how::page(&how(e))),
        make("how::page without a sign-in", |e| {
            how::page(&how::HowView {
                app_name: e.s(),
                login_href: "javascript:alert(1)".into(),
                links: vec![e.link()],
                ..Default::default()
            })
        }),
        make("provider::sign_in", |e| {
            provider::sign_in(&provider::SignInView {
                client_name: Some(e.s()),
                error: Some(e.s()),
                username: e.s(),
                hidden: vec![e.hidden()],
                action: "/sign-in".into(),
                test_users: e.users(),
            })
        }),
        make("provider::consent", |e| {
            provider::consent(&provider::ConsentView {
                client_name: e.s(),
                redirect_host: e.s(),
                user_name: e.s(),
                scopes: e.granted(),
                hidden: vec![e.hidden()],
                action: "/consent".into(),
            })
        }),
        make("provider::account", |e| provider::account(&account(e))),
        make("provider::error", |e| {
            provider::error(&provider::ErrorView {
                status: 400,
                title: e.s(),
                message: e.s(),
                cause: e.s(),
                fix: e.s(),
                code: e.s(),
                request_id: e.s(),
                compare: vec![(e.s(), e.s())],
                actions: vec![e.link()],
            })
        }),
        make("provider::home", |e| {
            provider::home(&provider::HomeView {
                issuer: e.s(),
                preset: e.s(),
                endpoints: vec![Link::new(e.s(), e.s())],
                test_users: e.users(),
                links: vec![e.link()],
            })
        }),
    ]
}

fn how(e: &Evil) -> how::HowView {
    how::HowView {
        app_name: e.s(),
        flow: Some(flow(e)),
        login_href: "not shown beside a sign-in".into(),
        choices: [true, false]
            .map(|current| how::Choice {
                label: e.s(),
                href: "javascript:alert(1)".into(),
                current,
                outcome: Outcome::Failed,
            })
            .into(),
        exports: vec![e.link(), e.link()],
        live: Some(e.link()),
        links: vec![e.link()],
    }
}

/// A sign-in of hostile values, with an arrow of every kind and state. What
/// the diagram shortens is in the list in full.
pub(crate) fn flow(e: &Evil) -> how::FlowView {
    let states = [
        ArrowState::Held,
        ArrowState::Unseen,
        ArrowState::Failed,
        ArrowState::Absent,
        ArrowState::Waiting,
    ];
    let arrows = states.into_iter().enumerate().map(|(i, state)| {
        let happened = i < 3;
        let text = || if happened { e.s() } else { "not shown".into() };
        how::Arrow {
            number: i + 1,
            step: 1,
            kind: Kind::Callback,
            from: Who::ALL[i % 4],
            to: Who::ALL[(i + 2) % 4],
            label: e.s(),
            carries: e.s(),
            what: text(),
            parameters: vec![how::Parameter {
                name: text(),
                shown: text(),
                note: text(),
            }],
            checks: vec![how::Check {
                name: text(),
                clause: text(),
                held: i == 0,
                by: Who::Client,
            }],
            carries_password: i == 0,
            state,
            broke: (state == ArrowState::Failed).then(|| how::Broke {
                code: e.s(),
                short: e.s(),
                why: e.s(),
            }),
            recorded_by: vec![Who::Client, Who::ResourceServer],
        }
    });
    let cell = || how::VariableCell {
        status: e.s(),
        shown: e.s(),
    };
    how::FlowView {
        outcome: Outcome::Pending,
        headline: e.s(),
        lead: e.s(),
        participants: Who::ALL.map(|who| how::Participant {
            who,
            name: "cut to fit".into(),
        }),
        arrows: arrows.collect(),
        steps: vec![how::StepRow {
            step: 1,
            who: e.s(),
            action: e.s(),
            input: e.s(),
            result: e.s(),
            held: None,
        }],
        variables: vec![how::VariableRow {
            name: e.s(),
            values: [cell(), cell(), cell(), cell(), cell()],
        }],
        password_received_by: Some(vec![Who::Client]),
        evidence: e.s(),
    }
}

fn signed_out(e: &Evil) -> app::SignedOutView {
    app::SignedOutView {
        app_name: e.s(),
        providers: vec![app::ProviderLink {
            id: "not shown".into(),
            name: e.s(),
            href: "javascript:alert(1)".into(),
        }],
        notice: e.notice(),
        test_users: e.users(),
        links: vec![e.link()],
    }
}

fn signed_out_short(e: &Evil) -> app::SignedOutView {
    app::SignedOutView {
        app_name: e.s(),
        notice: e.notice(),
        links: vec![e.link()],
        ..Default::default()
    }
}

fn home(e: &Evil) -> app::HomeView {
    app::HomeView {
        app_name: e.s(),
        greeting_name: e.s(),
        provider: e.s(),
        issuer: e.s(),
        subject: e.s(),
        email: Some(e.s()),
        email_verified: true,
        scopes: e.granted(),
        expires_at: e.moment(),
        refreshable: true,
        has_tokens: true,
        notice: e.notice(),
        result: Some(app::ResultView {
            request: e.s(),
            status: 200,
            rows: vec![(e.s(), e.s())],
        }),
        forms: vec![e.form()],
        links: vec![e.link()],
    }
}

fn error(e: &Evil) -> app::ErrorView {
    app::ErrorView {
        app_name: e.s(),
        status: 400,
        title: e.s(),
        message: e.s(),
        cause: e.s(),
        fix: e.s(),
        code: e.s(),
        request_id: e.s(),
        cookie_lost: true,
        provider_said: Some(app::ProviderSaid {
            error: e.s(),
            description: Some(e.s()),
            reason: Some(e.s()),
        }),
        start_over: Some(e.form()),
        actions: vec![e.link()],
        links: vec![e.link()],
    }
}

fn account(e: &Evil) -> provider::AccountView {
    provider::AccountView {
        user: e.s(),
        notice: e.notice(),
        registered: Some(provider::RegisteredView {
            name: e.s(),
            client_id: e.s(),
            client_secret: Some(ShownOnce(e.s())),
        }),
        grants: vec![provider::GrantView {
            client_id: e.s(),
            client_name: e.s(),
            scopes: e.granted(),
            since: e.moment(),
            hidden: vec![e.hidden()],
        }],
        revoke_action: "/account/revoke".into(),
        clients: vec![provider::ClientView {
            client_id: e.s(),
            name: e.s(),
            confidential: true,
            redirect_uris: vec![e.s()],
        }],
        register_action: "/account/register".into(),
        register_error: Some(e.s()),
        register_name: e.s(),
        register_redirect_uri: e.s(),
        sign_out_action: "javascript:alert(1)".into(),
        hidden: vec![e.hidden()],
        links: vec![e.link()],
    }
}
