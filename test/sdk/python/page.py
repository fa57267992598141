"""Runs the lines of docs/sdk.md, from standard input, with this in place of the SDK, and tells where it would go."""

import json
import sys
import types


class MultiPartyCalls:
    def start_play_audio(self, member, url, friendly_name):
        pass


class RestClient:
    def __init__(self, auth_id, auth_token):
        self.multi_party_calls = MultiPartyCalls()


plivo, rest, client = (types.ModuleType(name) for name in ('plivo', 'plivo.rest', 'plivo.rest.client'))
plivo.RestClient, plivo.rest, rest.client = RestClient, rest, client
sys.modules.update({'plivo': plivo, 'plivo.rest': rest, 'plivo.rest.client': client})
exec(sys.stdin.read(), {'AUTH_ID': 'MA', 'AUTH_TOKEN': 'token'})
json.dump({name: value for name, value in vars(client).items() if not name.startswith('_')}, sys.stdout)
