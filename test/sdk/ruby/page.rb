# Runs the lines of docs/sdk.md, from standard input, with this in place of the SDK, and tells where it would go.
require 'json'

module Plivo
  class BaseClient
    def initialize(_auth_id, _auth_token); end
  end

  class RestClient < BaseClient
    def initialize(auth_id, auth_token)
      configure_base_uri
      super
    end

    private

    def configure_base_uri
      @base_uri = @voice_base_uri = 'https://api.plivo.com'
    end
  end
end

auth_id = 'MA'
auth_token = 'token'
client = binding.eval("#{$stdin.read}\nclient")
puts JSON.generate(client.instance_variables.to_h { |name| [name.to_s.delete('@'), client.instance_variable_get(name)] })
