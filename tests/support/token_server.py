#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A token server for a registry with `auth: token`.

It speaks both dialects of the distribution specification: GET with Basic credentials
(docs/spec/auth/token.md) and POST with OAuth2 grants (docs/spec/auth/oauth.md). What is asked for
and not allowed is left out of the token, which is still a 200: clients must cope with that.

The users file maps a name to its password and the actions it may take in any repository:
    {"maintainer": {"password": "…", "actions": ["pull", "push"]}}
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

ANONYMOUS = ""


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def make_key(key: Path, certificate: Path) -> None:
    """The registry trusts this certificate through `rootcertbundle`."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=token server of the tests",
            "-keyout", str(key), "-out", str(certificate))
    key.chmod(0o600)


class Refused(Exception):
    """A request that is answered with an error in the shape of the OCI distribution specification."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.body = {"errors": [{"code": code, "message": message}]}


class Issuer:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        pem = options.cert.read_text()
        self.chain = ["".join(pem.split("-----")[2].split())]
        # Refresh tokens are derived from the key, so they outlive a restart and nothing has to be stored.
        self.refresh_key = hashlib.sha256(options.key.read_bytes()).digest()

    def users(self) -> dict:
        return json.loads(self.options.users.read_text())

    def refresh_token(self, user: str) -> str:
        return base64url(user.encode()) + "." + hmac.new(self.refresh_key, user.encode(), "sha256").hexdigest()

    def user_by_password(self, user: str, password: str) -> str:
        expected = self.users().get(user, {}).get("password")
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            raise Refused(401, "UNAUTHORIZED", "incorrect username or password")
        return user

    def user_by_refresh_token(self, token: str) -> str:
        for user in self.users():
            if hmac.compare_digest(self.refresh_token(user).encode(), token.encode()):
                return user
        raise Refused(401, "UNAUTHORIZED", "invalid refresh token")

    def allowed(self, user: str) -> set:
        if user == ANONYMOUS:
            return {"pull"} if self.options.anonymous_pull else set()
        return set(self.users()[user]["actions"])

    def grant(self, user: str, scopes: list) -> list:
        """The intersection of what is asked for and what the user may do."""
        access = []
        for scope in scopes:
            # A repository name may hold a port, so only the first and the last colon separate.
            kind, colon, rest = scope.partition(":")
            name, colon2, actions = rest.rpartition(":")
            if not (colon and colon2 and kind and name):
                raise Refused(400, "UNSUPPORTED", f"malformed scope: {scope}")
            wanted = set(actions.split(","))
            granted = wanted & self.allowed(user) if kind == "repository" else set()
            if granted:
                access.append({"type": kind, "name": name, "actions": sorted(granted)})
        return access

    def sign(self, user: str, access: list, now: float) -> str:
        header = {"typ": "JWT", "alg": "RS256", "x5c": self.chain}
        claims = {"iss": self.options.issuer, "sub": user, "aud": self.options.service, "jti": secrets.token_hex(8),
                  "iat": int(now), "nbf": int(now) - 5, "exp": int(now) + self.options.expires_in, "access": access}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        return signed + "." + base64url(openssl("dgst", "-sha256", "-sign", str(self.options.key), data=signed.encode()))

    def reply(self, user: str, access: list, with_refresh_token: bool) -> dict:
        now = time.time()
        token = self.sign(user, access, now)
        body = {"token": token, "access_token": token, "expires_in": self.options.expires_in, "issued_at": timestamp(now)}
        if with_refresh_token and user != ANONYMOUS:
            body["refresh_token"] = self.refresh_token(user)
        return body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "wasmx-test-tokens"

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.answer(query, query.get("scope", []), self.basic_user, query.get("offline_token") == ["true"])

    def do_POST(self) -> None:
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        scopes = [scope for value in form.get("scope", []) for scope in value.split(" ") if scope]
        self.answer(form, scopes, lambda: self.granted_user(form), form.get("access_type") == ["offline"])

    def basic_user(self) -> str:
        header = self.headers.get("Authorization")
        if header is None:
            return ANONYMOUS
        kind, _, value = header.partition(" ")
        try:
            user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            kind, user, colon, password = "", "", "", ""
        if kind.lower() != "basic" or not colon:
            raise Refused(401, "UNAUTHORIZED", "malformed Authorization header")
        return self.server.issuer.user_by_password(user, password)

    def granted_user(self, form: dict) -> str:
        issuer = self.server.issuer
        match form.get("grant_type"):
            case ["password"]:
                return issuer.user_by_password(form.get("username", [""])[0], form.get("password", [""])[0])
            case ["refresh_token"]:
                return issuer.user_by_refresh_token(form.get("refresh_token", [""])[0])
        raise Refused(400, "UNSUPPORTED", "grant_type must be password or refresh_token")

    def answer(self, parameters: dict, scopes: list, find_user, with_refresh_token: bool) -> None:
        issuer, user, access = self.server.issuer, None, []
        try:
            if urllib.parse.urlsplit(self.path).path != "/token":
                raise Refused(404, "UNSUPPORTED", "tokens are at /token")
            if parameters.get("service") != [issuer.options.service]:
                raise Refused(400, "UNSUPPORTED", "unknown service")
            user = find_user()
            access = issuer.grant(user, scopes)
            status, body = 200, issuer.reply(user, access, with_refresh_token)
        except Refused as refusal:
            status, body = refusal.status, refusal.body
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if status == 401:
            self.send_header("WWW-Authenticate", f'Basic realm="{issuer.options.service}"')
        self.end_headers()
        self.wfile.write(payload)
        self.server.record({"method": self.command, "path": urllib.parse.urlsplit(self.path).path, "status": status,
                            "user": user, "scope": scopes, "granted": access,
                            "grant_type": (parameters.get("grant_type") or [None])[0]})

    def log_message(self, *_) -> None:
        """The default would write the query string; record() writes what is safe to keep."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, options: argparse.Namespace):
        host, _, port = options.listen.rpartition(":")
        if host != "127.0.0.1":
            sys.exit(f"token_server: --listen {options.listen}: only 127.0.0.1 is served")
        super().__init__((host, int(port)), Handler)
        self.issuer = Issuer(options)
        self.log = open(options.log, "a", encoding="utf-8") if options.log else sys.stderr
        self.log_lock = threading.Lock()

    def record(self, entry: dict) -> None:
        with self.log_lock:
            print(json.dumps({"time": timestamp(time.time()), **entry}), file=self.log, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:0", help="127.0.0.1:PORT; port 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port that was taken")
    parser.add_argument("--users", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True, help="made, with --cert, when absent")
    parser.add_argument("--cert", type=Path, required=True)
    parser.add_argument("--service", default="wasmx-test-registry")
    parser.add_argument("--issuer", default="wasmx-test-tokens")
    parser.add_argument("--expires-in", type=int, default=300, metavar="SECONDS")
    parser.add_argument("--anonymous-pull", action="store_true")
    parser.add_argument("--log", type=Path, help="one JSON object per request; default: stderr")
    options = parser.parse_args()
    if not (options.key.exists() and options.cert.exists()):
        make_key(options.key, options.cert)
    with Server(options) as server:
        if options.port_file:
            draft = options.port_file.with_name(options.port_file.name + ".new")
            draft.write_text(f"{server.server_address[1]}\n")
            os.replace(draft, options.port_file)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
