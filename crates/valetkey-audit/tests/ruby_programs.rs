//! Ruby programs that wait for their one login, and addresses that are looked
//! at too little: the wrong form beside the right one.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

fn verdict(text: &str, check: &str) -> Verdict {
    let report = audit_source(&[("login.rb", text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    found.map_or(Verdict::Na, |r| r.verdict)
}

/// A program from top to bottom: what its server does with a request, and how
/// it hears of that.
fn program(heard: &str, handler: &str, waits: &str) -> String {
    format!(
        "require 'webrick'
state = SecureRandom.hex(16)
url = 'https://id.example/authorize?' + URI.encode_www_form(client_id: ENV['ID'], redirect_uri: 'http://localhost:7777/', response_type: 'code', scope: 'read', state: state)
{heard}
server = WEBrick::HTTPServer.new(Port: 7777)
server.mount_proc '/' do |req, res|
  {handler}
end
puts url
{waits}
res = Net::HTTP.post_form(URI('https://id.example/token'), {{ client_id: ENV['ID'], code: code, grant_type: 'authorization_code' }})
abort 'refused' unless res.is_a?(Net::HTTPSuccess)
"
    )
}

#[test]
fn a_program_looks_at_the_state_of_its_login() {
    let queue = "got = Queue.new";
    let pop =
        "Thread.new { server.start }\nq = got.pop\nabort 'no' if q['error']\ncode = q['code']";
    let start = "server.start";
    let right = [
        program(
            queue,
            "got << req.query if req.query['state'] == state",
            pop,
        ),
        program(
            "code = nil",
            "if req.query['state'] == state
    code = req.query['code']
    server.shutdown
  end",
            start,
        ),
    ];
    for text in right {
        assert_eq!(verdict(&text, "state-verified"), Verdict::Pass, "{text}");
    }
    let wrong = [
        program(queue, "got << req.query", pop),
        program(
            queue,
            "got.push(req.query) if req.query['state'] == 'state'",
            pop,
        ),
        program(
            "code = nil",
            "code = req.query['code']\n  server.shutdown",
            start,
        ),
    ];
    for text in wrong {
        assert_eq!(verdict(&text, "state-verified"), Verdict::Fail, "{text}");
    }
}

/// A callback that ends so.
fn callback(then: &str) -> String {
    format!(
        "class LoginsController < ApplicationController
  def show
    return head(:forbidden) if session[:state].nil? || session[:state] != params[:state]
    token = OAuth2::Client.new(ENV['ID'], ENV['SECRET'], site: 'https://id.example').auth_code.get_token(params[:code])
    to = params[:to].to_s
    {then}
    redirect_to root_path
  end
end
"
    )
}

#[test]
fn another_site_has_the_name_of_this_one_in_its_own() {
    let wrong = [
        "return redirect_to(to) if to.include?('example.com')",
        "return redirect_to(to) if to =~ /example\\.com/",
        "return redirect_to(to) if to.match?(%r{\\Ahttps://app\\.example\\.com})",
        "return redirect_to(to) if to.start_with?('https://app.example.com')",
        "return redirect_to(to) if URI(to).host.end_with?('example.com')",
    ];
    for then in wrong {
        let text = callback(then);
        assert_eq!(verdict(&text, "no-open-redirect"), Verdict::Fail, "{text}");
    }
    let right = [
        "return redirect_to(to) if %w[/a.html /b.html].include?(to)",
        "return redirect_to(to) if to.match?(%r{\\Ahttps://app\\.example\\.com/})",
        "return redirect_to(to) if to.start_with?('https://app.example.com/')",
        "return redirect_to(to) if URI(to).host.end_with?('.example.com')",
        "return redirect_to(to) if URI(to).host == 'app.example.com'",
        "return redirect_to(to) if ['app.example.com'].include?(URI(to).host)",
    ];
    for then in right {
        let text = callback(then);
        assert_eq!(verdict(&text, "no-open-redirect"), Verdict::Pass, "{text}");
    }
}

#[test]
fn a_token_goes_out_with_the_answer_or_the_report() {
    for then in [
        "response.set_header('X-Access-Token', token.token)",
        "Sentry.set_extras(token: token.token)",
    ] {
        let text = callback(then);
        assert_eq!(verdict(&text, "token-not-leaked"), Verdict::Fail, "{text}");
    }
    for then in [
        "response.set_header('X-Frame-Options', 'DENY')",
        "Sentry.set_extras(user: current_user.id)",
    ] {
        let text = callback(then);
        assert_eq!(verdict(&text, "token-not-leaked"), Verdict::Pass, "{text}");
    }
}

#[test]
fn a_key_of_the_apps_own_tokens_stands_in_the_code() {
    let check = "session-key-strong";
    let text = |key: &str| {
        callback(&format!(
            "cookies[:jwt] = {{ value: JWT.encode({{ sub: 1 }}, {key}, 'HS256'), httponly: true }}"
        ))
    };
    assert_eq!(
        verdict(&text("'hs256-secret-of-all'"), check),
        Verdict::Fail
    );
    assert_ne!(verdict(&text("ENV.fetch('JWT_KEY')"), check), Verdict::Fail);
    // What goes to the provider with a token is no key of the app's.
    let proof =
        callback("proof = OpenSSL::HMAC.hexdigest('SHA256', 'abc-def-123-456', token.token)");
    assert_ne!(verdict(&proof, check), Verdict::Fail);
}
