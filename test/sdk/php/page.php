<?php
// Runs the lines of docs/sdk.md, from standard input, with this in place of the SDK, and tells where a request of it arrives.

namespace Plivo\Authentication {
    class BasicAuth
    {
        public function __construct(public $authId, public $authToken)
        {
        }
    }
}

namespace Plivo\HttpClients {
    class PlivoGuzzleHttpClient
    {
        public function __construct(public $guzzleClient, public $basicAuth)
        {
        }
    }
}

namespace Plivo {
    class BaseClient
    {
        public $handler;

        public function setHttpClientHandler($handler)
        {
            $this->handler = $handler;
        }
    }

    class RestClient
    {
        public $client;

        public function __construct($authId, $authToken)
        {
            $this->client = new BaseClient();
        }
    }
}

namespace {
    error_reporting(E_ALL & ~E_DEPRECATED);
    require_once 'GuzzleHttp/autoload.php';
    $authId = 'MA';
    $authToken = 'token';
    eval(stream_get_contents(STDIN));
    $response = $rest->client->handler->guzzleClient->request('GET', 'https://api.plivo.com/v1/Account/MA/', ['http_errors' => false]);
    echo json_encode(['status' => $response->getStatusCode(), 'body' => json_decode($response->getBody(), true)]);
}
