"""Sends requests and reads answers as Plivo's Python SDK does, by the library it uses: requests.

Reads a task as JSON from standard input and writes what came of it to standard output; see ../drivers.ts.
"""

import json
import platform
import sys
from base64 import encodebytes
from hashlib import sha256
from hmac import new as hmac
from urllib.parse import parse_qs, urlparse, urlunparse

import requests
from requests import Request, Session

ERRORS = {
    400: 'ValidationError',
    401: 'AuthenticationError',
    403: 'ForbiddenError',
    404: 'ResourceNotFoundError',
    405: 'InvalidRequestError',
    409: 'InvalidRequestError',
    422: 'InvalidRequestError',
    500: 'PlivoServerError',
}


class Client:
    def __init__(self, task):
        # The four module globals of the SDK that docs/sdk.md sets have this form.
        self.base = task['base'] + '/v1/Account'
        self.session = Session()
        self.session.headers.update({
            'User-Agent': 'plivo-python/4.59.5 (Python: %s)' % platform.python_version(),
            'Content-Type': 'application/json',
            'Accept': 'application/json',
        })
        self.session.auth = (task['authId'], task['authToken'])

    def call(self, method, path, params):
        url = '/'.join([self.base, self.session.auth[0], *path]) + '/'
        where = {'params': params} if method == 'GET' else {'json': params}
        request = self.session.prepare_request(Request(method, url, **where))
        return self.read(method, self.session.send(request, timeout=5))

    def read(self, method, response):
        try:
            body = response.json()
        except ValueError:
            body = None
        status = response.status_code
        if status in ERRORS:
            # Without an error in the body the SDK's own words name the address instead.
            return {'status': status, 'error': ERRORS[status], 'message': body['error']}
        good = [200, 204] if method == 'DELETE' else [200, 201, 202, 204, 206, 207]
        if status not in good:
            return {'status': status, 'error': 'PlivoRestError', 'message': ''}
        return {'status': status, 'value': body}


def text(value):
    return ''.join(chr(byte) for byte in value) if isinstance(value, bytes) else value


def sorted_pairs(params, form, between):
    return between.join(form.format(key, value) for key in sorted(params) for value in sorted(as_list(params[key])))


def as_list(value):
    return value if isinstance(value, list) else [value]


def is_valid(callback):
    """The SDK's validate_v3_signature: the text goes from bytes to characters one by one, and is encoded once more."""
    uri = urlparse(callback['uri'].encode())
    base = urlunparse([uri.scheme, uri.netloc, uri.path, b'', b'', b''])
    query = {text(key): [text(one) for one in values] for key, values in parse_qs(uri.query, True).items()}
    params = callback['params']
    if callback['method'] == 'GET':
        pairs = sorted_pairs({**params, **query}, '{}={}', '&')
        base += ('?' + pairs if pairs else '').encode()
    else:
        pairs = sorted_pairs(query, '{}={}', '&')
        base += ('?' + pairs if pairs or params else '').encode()
        base += ('.' if pairs and params else '').encode() + sorted_pairs(params, '{}{}', '').encode()
    message = '{}.{}'.format(text(base), callback['nonce']).encode()
    signature = encodebytes(hmac(callback['token'].encode(), message, sha256).digest()).strip()
    return signature in callback['signature'].encode().split(b',')


task = json.load(sys.stdin)
client = Client(task)
json.dump({
    'library': 'requests ' + requests.__version__,
    'answers': [client.call(one['method'], one['path'], one.get('params')) for one in task['calls']],
    'valid': [is_valid(one) for one in task['callbacks']],
}, sys.stdout)
