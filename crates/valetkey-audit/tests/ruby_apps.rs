//! Ruby apps whose parts are found by what they define, and clients that write
//! down what they get: the wrong form beside the right one.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

fn verdict(files: &[(&str, &str)], path: &str, check: &str) -> Verdict {
    let report = audit_source(files, &Options::default());
    let found = report
        .results
        .iter()
        .find(|r| r.path == path && r.check == check);
    found.map_or(Verdict::Na, |r| r.verdict)
}

/// A client of the app's own, with more said of its connection.
fn service(more: &str) -> String {
    format!(
        "class Notes
  class << self
    def url(state)
      'https://id.example/authorize?' + {{ client_id: ENV['ID'], response_type: 'code', redirect_uri: ENV['BACK'], scope: 'a', state: state }}.to_query
    end

    def tokens(code)
      res = connection.post('https://id.example/token', {{ client_id: ENV['ID'], client_secret: ENV['SECRET'], code: code, grant_type: 'authorization_code' }})
      raise 'refused' unless res.success?
      res.body
    end

    def connection
      Faraday.new do |f|
        f.request :url_encoded
        f.response :json
        {more}
      end
    end
  end
end
"
    )
}

fn controller(look: &str) -> String {
    format!(
        "class LinksController < ApplicationController
  def new
    session[:link] = {{ state: SecureRandom.hex(16) }}
    redirect_to Notes.url(session[:link][:state]), allow_other_host: true
  end

  def show
    kept = session.delete(:link)
    {look}
    current_user.update!(notes: Notes.tokens(params[:code]))
    redirect_to root_path
  end
end
"
    )
}

#[test]
fn a_file_is_known_by_what_it_defines() {
    let service = service("");
    for (look, wanted) in [
        (
            "return head(:forbidden) if kept.blank? || kept['state'] != params[:state]",
            Verdict::Pass,
        ),
        (
            "return head(:forbidden) if kept && kept['state'] != params[:state]",
            Verdict::Fail,
        ),
    ] {
        let text = controller(look);
        // Not called after its class.
        let files = [("service.rb", service.as_str()), ("links.rb", &text)];
        assert_eq!(
            verdict(&files, "links.rb", "state-verified"),
            wanted,
            "{look}"
        );
        assert_eq!(
            verdict(&files, "links.rb", "state-generated"),
            Verdict::Pass
        );
    }
}

#[test]
fn a_client_writes_down_what_it_gets() {
    let check = "token-not-leaked";
    for (more, wanted) in [
        (
            "f.response :logger, Rails.logger, bodies: true",
            Verdict::Fail,
        ),
        ("f.response :logger, nil, { bodies: true }", Verdict::Fail),
        ("f.response :logger", Verdict::Pass),
        ("f.response :logger, nil, bodies: false", Verdict::Pass),
    ] {
        let text = service(more);
        assert_eq!(
            verdict(&[("notes.rb", &text)], "notes.rb", check),
            wanted,
            "{more}"
        );
    }
    let net = |more: &str| {
        format!(
            "def tokens(code)
  http = Net::HTTP.new('id.example', 443)
  http.use_ssl = true
  {more}
  res = http.post('https://id.example/token', URI.encode_www_form(client_id: ENV['ID'], code: code, grant_type: 'authorization_code'))
  raise 'refused' unless res.is_a?(Net::HTTPSuccess)
  JSON.parse(res.body)['access_token']
end
"
        )
    };
    let text = net("http.set_debug_output($stdout)");
    assert_eq!(verdict(&[("a.rb", &text)], "a.rb", check), Verdict::Fail);
    let text = net("http.open_timeout = 3");
    assert_eq!(verdict(&[("a.rb", &text)], "a.rb", check), Verdict::Pass);
}

#[test]
fn a_method_is_no_provider_of_omniauth() {
    let text = "class LinksController < ApplicationController
  def new
    session[\"#{provider}_state\"] = state = SecureRandom.hex(16)
    redirect_to client.auth_code.authorize_url(redirect_uri: ENV['BACK'], scope: 'a', state: state, code_challenge: challenge, code_challenge_method: 'S256'), allow_other_host: true
  end
end
";
    let files = [("links.rb", text)];
    assert_eq!(verdict(&files, "links.rb", "error-handled"), Verdict::Na);
    assert_ne!(verdict(&files, "links.rb", "pkce-used"), Verdict::Fail);
}

/// A middleware that is made with options, and keeps the state in a cookie
/// that it has signed.
#[test]
fn a_cookie_is_there_or_not_signed_or_plain() {
    let text = |look: &str| {
        format!(
            "class Login
  def initialize(app, opts = {{}})
    @app = app
    @verifier = ActiveSupport::MessageVerifier.new(opts.fetch(:key))
    @client = OAuth2::Client.new(opts[:id], opts[:secret], site: 'https://id.example')
  end

  def call(env)
    request = Rack::Request.new(env)
    return finish(request) if request.path == '/back'
    state = SecureRandom.hex(16)
    response = Rack::Response.new
    response.set_cookie('login_state', {{ value: @verifier.generate(state), httponly: true }})
    response.redirect(@client.auth_code.authorize_url(redirect_uri: 'https://a.example/back', state: state, scope: 'a'))
    response.finish
  end

  def finish(request)
    kept = @verifier.verified(request.cookies['login_state'])
    {look}
    token = @client.auth_code.get_token(request.params['code'], redirect_uri: 'https://a.example/back')
    request.session['token'] = token.token
    [302, {{ 'location' => '/' }}, []]
  end
end
"
        )
    };
    let check = "state-verified";
    for (look, wanted) in [
        (
            "return [403, {}, []] unless kept && kept == request.params['state']",
            Verdict::Pass,
        ),
        (
            "return [403, {}, []] unless kept == request.params['state']",
            Verdict::Fail,
        ),
        ("return [403, {}, []] unless kept", Verdict::Fail),
    ] {
        let text = text(look);
        assert_eq!(
            verdict(&[("login.rb", &text)], "login.rb", check),
            wanted,
            "{look}"
        );
    }
}

#[test]
fn a_state_that_names_who_is_signed_in_is_theirs() {
    let text = |look: &str| {
        format!(
            "class LinksController < ApplicationController
  def show
    state = Rails.application.message_verifier(:link).verify(params[:state])
    {look}
    token = OAuth2::Client.new(ENV['ID'], ENV['SECRET'], site: 'https://id.example').auth_code.get_token(params[:code])
    current_user.update!(token: token.token)
    redirect_to root_path
  end
end
"
        )
    };
    let check = "state-verified";
    let right = text("return head(:forbidden) unless state['uid'] == current_user.id");
    assert_eq!(verdict(&[("a.rb", &right)], "a.rb", check), Verdict::Pass);
    let wrong = text("return head(:forbidden) unless state['uid']");
    assert_eq!(verdict(&[("a.rb", &wrong)], "a.rb", check), Verdict::Fail);
}

#[test]
fn a_few_letters_tell_nobody_a_token() {
    let text = |told: &str| {
        format!(
            "def tokens(code)
  res = Net::HTTP.post_form(URI('https://id.example/token'), client_id: ENV['ID'], code: code, grant_type: 'authorization_code')
  raise 'refused' unless res.is_a?(Net::HTTPSuccess)
  tokens = JSON.parse(res.body)
  puts \"got #{{{told}}}\"
end
"
        )
    };
    let check = "token-not-leaked";
    for told in [
        "tokens['access_token'][0, 6]",
        "tokens['access_token'].first(4)",
        "tokens['access_token'].gsub(/./, '*')",
        "tokens.except('access_token', 'refresh_token', 'id_token')",
        "tokens.slice('scope', 'expires_in')",
    ] {
        let text = text(told);
        assert_ne!(
            verdict(&[("a.rb", &text)], "a.rb", check),
            Verdict::Fail,
            "{told}"
        );
    }
    for told in [
        "tokens['access_token'][0, 200]",
        "tokens['access_token'].sub('Bearer ', '')",
        "tokens.except('refresh_token')",
        "tokens.slice('access_token', 'scope')",
    ] {
        let text = text(told);
        assert_eq!(
            verdict(&[("a.rb", &text)], "a.rb", check),
            Verdict::Fail,
            "{told}"
        );
    }
}
