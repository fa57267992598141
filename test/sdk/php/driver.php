<?php
// Sends requests and reads answers as Plivo's PHP SDK does, by the library it uses: Guzzle.
//
// Reads a task as JSON from standard input and writes what came of it to standard output; see ../drivers.ts.
// Debian's Guzzle is older than PHP 8.2 and says so.
error_reporting(E_ALL & ~E_DEPRECATED);

require_once 'GuzzleHttp/autoload.php';

use GuzzleHttp\Client;
use GuzzleHttp\ClientInterface;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Middleware;

const PLIVO = 'https://api.plivo.com/';

/** The client of docs/sdk.md: what it sends to Plivo goes to the address of the task. */
function clientTo(string $base): Client
{
    $stack = HandlerStack::create();
    $stack->push(Middleware::mapRequest(fn ($request) => $request->withUri(
        $request->getUri()
            ->withScheme(parse_url($base, PHP_URL_SCHEME))
            ->withHost(parse_url($base, PHP_URL_HOST))
            ->withPort(parse_url($base, PHP_URL_PORT))
    )));
    return new Client(['handler' => $stack]);
}

function call(Client $client, array $task, array $one): array
{
    $params = $one['params'] ?? [];
    $url = PLIVO . 'v1/Account/' . $task['authId'] . '/' . implode('/', $one['path']) . '/';
    if ($one['method'] !== 'POST' && $params) {
        $url .= '?' . http_build_query($params, '', '&');
    }
    $options = [
        'http_errors' => false,
        'headers' => [
            'User-Agent' => 'plivo-php/4.70.0 (PHP ' . phpversion() . ')',
            'Accept-Encoding' => '*',
            'Content-type' => 'application/json',
            'Authorization' => 'Basic ' . base64_encode($task['authId'] . ':' . $task['authToken']),
        ],
        'timeout' => 5,
        'connect_timeout' => 60,
    ];
    if ($one['method'] !== 'GET') {
        $options['body'] = $params ? json_encode($params) : json_encode($params, JSON_FORCE_OBJECT);
    }
    $response = $client->request($one['method'], $url, $options);
    $text = $response->getBody()->getContents();
    // A refusal is not thrown: the caller gets the array with its error. No body becomes an error without text.
    return ['status' => $response->getStatusCode(), 'value' => json_decode($text, true) ?: ['error' => $text]];
}

function pairs(array $params, string $within, string $between): string
{
    ksort($params, SORT_NATURAL);
    $all = [];
    foreach ($params as $key => $values) {
        $values = (array) $values;
        sort($values, SORT_NATURAL);
        foreach ($values as $value) {
            $all[] = $key . $within . $value;
        }
    }
    return implode($between, $all);
}

/** The SDK's validateV3Signature: natural order, queries as they are written, and the text encoded as UTF-8 once more. */
function isValid(array $callback): bool
{
    $uri = parse_url($callback['uri']);
    $text = $uri['scheme'] . '://' . $uri['host'] . (isset($uri['port']) ? ':' . $uri['port'] : '') . ($uri['path'] ?? '');
    $query = [];
    foreach (array_filter(explode('&', $uri['query'] ?? '')) as $pair) {
        [$key, $value] = explode('=', $pair);
        $query[$key][] = $value;
    }
    $params = $callback['params'];
    if ($callback['method'] === 'GET') {
        $all = pairs(array_merge_recursive($params, $query), '=', '&');
        $text .= $all === '' ? '' : '?' . $all;
    } else {
        $all = pairs($query, '=', '&');
        $text .= ($all !== '' || $params ? '?' . $all : '') . ($all !== '' && $params ? '.' : '') . pairs($params, '', '');
    }
    $message = utf8_encode($text . '.' . $callback['nonce']);
    $signature = base64_encode(hash_hmac('SHA256', $message, $callback['token'], true));
    return in_array($signature, explode(',', $callback['signature']));
}

$task = json_decode(stream_get_contents(STDIN), true);
$client = clientTo($task['base']);
echo json_encode([
    'library' => 'Guzzle ' . ClientInterface::MAJOR_VERSION . (extension_loaded('curl') ? ' with curl' : ' with streams'),
    'answers' => array_map(fn ($one) => call($client, $task, $one), $task['calls']),
    'valid' => array_map('isValid', $task['callbacks']),
]);
