# Sends requests and reads answers as Plivo's Ruby SDK does, by the library it uses: Faraday.
#
# Reads a task as JSON from standard input and writes what came of it to standard output; see ../drivers.ts.
require 'base64'
require 'faraday'
require 'json'
require 'openssl'
require 'uri'
# Faraday 2 brings what reads JSON; before, it was a gem of its own.
require 'faraday_middleware' if Faraday::VERSION < '2'

ERRORS = {
  400 => 'ValidationError', 401 => 'AuthenticationError', 404 => 'ResourceNotFoundError', 405 => 'InvalidRequestError',
  409 => 'InvalidRequestError', 422 => 'InvalidRequestError', 500 => 'PlivoServerError'
}.freeze

class Client
  def initialize(task)
    @auth_id = task['authId']
    @connection = Faraday.new(task['base']) do |faraday|
      faraday.headers = {
        'User-Agent' => "plivo-ruby/4.63.4 (Ruby #{RUBY_VERSION})",
        'Content-Type' => 'application/json',
        'Accept' => 'application/json'
      }
      if Faraday::VERSION < '2'
        faraday.request :basic_auth, @auth_id, task['authToken']
      else
        faraday.request :authorization, :basic, @auth_id, task['authToken']
      end
      faraday.response :json, content_type: /\bjson$/
      faraday.adapter Faraday.default_adapter
    end
  end

  def call(method, path, params)
    where = ['', 'v1', 'Account', @auth_id, *path, ''].join('/')
    response = @connection.public_send(method.downcase) do |request|
      method == 'GET' ? request.url(where, params) : request.url(where)
      request.options.timeout = 5
      request.body = JSON.generate(params) if params && method != 'GET'
    end
    read(method, response.status, response.body)
  end

  private

  def read(method, status, body)
    if ERRORS.key?(status)
      message = body['error']
      message = message['error'] if message.is_a?(Hash)
      return { status: status, error: ERRORS[status], message: message }
    end
    good = method == 'DELETE' ? [200, 204] : [200, 201, 202, 204, 206, 207]
    return { status: status, error: 'PlivoRESTError', message: '' } unless good.include?(status)

    # The SDK makes an object of every answer but those to deleting, and refuses what is neither nil nor a hash.
    body = nil if body == '' && Faraday::VERSION < '2'
    return { status: status, error: 'InvalidRequestError', message: body.class } unless body.nil? || body.is_a?(Hash)

    { status: status, value: body }
  end
end

# The SDK's valid_signatureV3?: the port is not in the text that is signed. It cannot read a URL with a query on Ruby 3,
# where URI.decode is gone; its own text is made here by what took that one's place.
def valid?(callback)
  uri = URI.parse(callback['uri'].sub('+', '%20'))
  params = callback['params']
  text = "#{uri.scheme}://#{uri.host}#{uri.path}"
  query = URI.decode_www_form(uri.query.to_s).to_h
  text += '?' unless params.empty? && query.empty?
  if callback['method'] == 'GET'
    text += pairs(query.merge(params), '=', '&')
  elsif query.empty?
    text += pairs(params, '', '')
  else
    text = "#{text}#{pairs(query, '=', '&')}.#{pairs(params, '', '')}".chomp('.')
  end
  signature = OpenSSL::HMAC.digest('sha256', callback['token'], "#{text}.#{callback['nonce']}")
  callback['signature'].split(',').include?(Base64.encode64(signature).strip)
end

def pairs(params, within, between)
  params.keys.sort.map { |key| key + within + params[key] }.join(between)
end

task = JSON.parse($stdin.read)
client = Client.new(task)
puts JSON.generate(
  library: "Faraday #{Faraday::VERSION}",
  answers: task['calls'].map { |one| client.call(one['method'], one['path'], one['params']) },
  valid: task['callbacks'].map { |one| valid?(one) }
)
