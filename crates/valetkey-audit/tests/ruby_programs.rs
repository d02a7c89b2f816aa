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

/// A callback that reads no session at all, with or without what looks at the
/// state.
#[test]
fn an_answer_has_a_body_and_is_no_post() {
    let text = |look: &str, code: &str| {
        format!(
            "class LinksController < ApplicationController
  def callback
    {look}
    res = Faraday.post('https://id.example/token', {{ client_id: ENV['ID'], client_secret: ENV['SECRET'], code: {code}, grant_type: 'authorization_code' }})
    return redirect_to(root_path) unless res.success?
    current_user.update!(token: JSON.parse(res.body)['access_token'])
    redirect_to root_path
  end
end
"
        )
    };
    let check = "state-verified";
    assert_eq!(verdict(&text("", "params[:code]"), check), Verdict::Fail);
    let look =
        "return head(:forbidden) if session[:state].blank? || session[:state] != params[:state]";
    assert_eq!(verdict(&text(look, "params[:code]"), check), Verdict::Pass);
    // The page has looked at it.
    let posted = text("given = JSON.parse(request.body.read)", "given['code']");
    assert_eq!(verdict(&posted, check), Verdict::Na);
}

/// A login with a state that is made so, and what else belongs to it.
fn login(made: &str, more: &str, sent: &str) -> String {
    format!(
        "class LoginsController < ApplicationController
  def new
    {made}
    redirect_to 'https://id.example/authorize?' + {{ client_id: ENV['ID'], redirect_uri: ENV['BACK'], response_type: 'code', scope: 'a', state: state{more} }}.to_query, allow_other_host: true
  end

  def callback
    return head(:forbidden) if session[:state].blank? || session[:state] != params[:state]
    res = Faraday.post('https://id.example/token', {{ client_id: ENV['ID'], code: params[:code], grant_type: 'authorization_code'{sent} }})
    return redirect_to(root_path) unless res.success?
    redirect_to root_path
  end
end
"
    )
}

#[test]
fn more_that_can_be_guessed_or_chosen() {
    let check = "state-generated";
    for made in [
        "state = session[:state] = Random.bytes(16).unpack1('H*')",
        "state = session[:state] = Random.new.bytes(16).unpack1('H*')",
        "state = session[:state] = Digest::MD5.hexdigest(current_user.id.to_s)",
        "state = session[:state] = params[:state] || SecureRandom.hex(16)",
    ] {
        assert_eq!(
            verdict(&login(made, "", ""), check),
            Verdict::Fail,
            "{made}"
        );
    }
    for made in [
        "state = session[:state] = Random.urandom(16).unpack1('H*')",
        "state = session[:state] = Digest::MD5.hexdigest(SecureRandom.hex)",
        "state = session[:state] = session[:pending] || SecureRandom.hex(16)",
    ] {
        assert_ne!(
            verdict(&login(made, "", ""), check),
            Verdict::Fail,
            "{made}"
        );
    }
}

#[test]
fn a_verifier_belongs_to_the_challenge_that_was_sent() {
    let made = "state = session[:state] = SecureRandom.hex(16)
    session[:verifier] = SecureRandom.urlsafe_base64(48)
    challenge = Base64.urlsafe_encode64(Digest::SHA256.digest(session[:verifier]), padding: false)";
    let more = ", code_challenge: challenge, code_challenge_method: 'S256'";
    for (sent, wanted) in [
        (", code_verifier: session.delete(:verifier)", Verdict::Pass),
        (
            ", code_verifier: SecureRandom.urlsafe_base64(48)",
            Verdict::Fail,
        ),
    ] {
        let text = login(made, more, sent);
        assert_eq!(verdict(&text, "pkce-used"), wanted, "{text}");
    }
}
