"""The pay page in Chromium, by WebDriver and Python's own library. Run by .ci/pay-page."""

import http.server
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

WEIPAY = os.environ["WEIPAY"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


class Shop(http.server.BaseHTTPRequestHandler):
    """Where redirect_url leads."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>back at the shop</title>")

    def log_message(self, *_):
        pass


class Browser:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--blink-settings=scriptEnabled=true"]
        capabilities = {
            "goog:chromeOptions": {
                "args": options,
                "mobileEmulation": {"deviceMetrics": {"width": 375, "height": 667, "pixelRatio": 2.0}},
            }
        }
        for _ in range(100):
            try:
                made = self.send("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}, root=True)
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        self.session = made["sessionId"]

    def send(self, method, path, body=None, root=False):
        url = self.base + path if root else f"{self.base}/session/{self.session}{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["value"]

    def open(self, url):
        self.send("POST", "/url", {"url": url})

    def run(self, script):
        return self.send("POST", "/execute/sync", {"script": script, "args": []})

    def tap(self, css):
        found = self.send("POST", "/element", {"using": "css selector", "value": css})
        self.send("POST", f"/element/{found[ELEMENT]}/click", {})

    def wait_for(self, what, script):
        for _ in range(100):
            if self.run(f"return {script}"):
                return
            time.sleep(0.1)
        raise SystemExit(f"this did not come: {what}\n{self.run('return document.documentElement.outerHTML')}")


def call(data, *arguments):
    command = [WEIPAY, *arguments, "--kit", f"{data}/kit.json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def state(data, number, mchid):
    path = f"v3/pay/transactions/out-trade-no/{number}"
    return call(data, "call", "GET", path, "--query", f"mchid={mchid}")["trade_state"]


def check(what, is_so):
    print(f"{'did' if is_so else 'FAILED'}: {what}", flush=True)
    if not is_so:
        raise SystemExit(1)


def play(data, base, browser, shop):
    with open(f"{data}/kit.json") as file:
        kit = json.load(file)
    back = urllib.parse.quote(shop, safe="")
    body = {
        "appid": kit["appid"], "mchid": kit["mchid"], "notify_url": "http://127.0.0.1:9/notify", "amount": {"total": 1990},
        # Wider than a phone, and within the 127 bytes of a description.
        "description": "<b>一杯咖啡</b>" + "长" * 36,
        "scene_info": {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}},
    }
    for number, button, wanted in [("browser-1", "pay", "SUCCESS"), ("browser-2", "cancel", "NOTPAY")]:
        made = call(data, "call", "POST", "v3/pay/transactions/h5", "--json", json.dumps({**body, "out_trade_no": number}))
        browser.open(made["h5_url"].replace("https://wx.tenpay.com", base) + f"&redirect_url={back}")
        check(f"{number}: the page shows the amount", browser.run("return document.querySelector('.amount').innerText") == "¥19.90")
        check("it fits on a phone", browser.run("return document.documentElement.scrollWidth <= window.innerWidth"))
        check("it has its style", browser.run("return getComputedStyle(document.querySelector('button')).backgroundColor") == "rgb(7, 193, 96)")
        check("the goods are text", browser.run("return document.querySelector('dl b') === null"))
        check("nothing is paid by looking", state(data, number, kit["mchid"]) == "NOTPAY")
        browser.tap(f"button[value={button}]")
        browser.wait_for("the result", "document.querySelector('h1') !== null")
        browser.wait_for("the shop", "document.title === 'back at the shop'")
        check(f"{number} is {wanted}, and the person is back at the shop", state(data, number, kit["mchid"]) == wanted)
    native = {name: value for name, value in body.items() if name != "scene_info"}
    call(data, "call", "POST", "v3/pay/transactions/native", "--json", json.dumps({**native, "out_trade_no": "browser-3"}))
    command = [WEIPAY, "sandbox", "pay", "--page", "browser-3", "--data", data]
    page = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    browser.open(page)
    browser.tap("button[value=pay]")
    browser.wait_for("paid", "document.querySelector('h1')?.innerText === '支付成功'")
    check("browser-3 is paid on the page of its code_url", state(data, "browser-3", kit["mchid"]) == "SUCCESS")


def main():
    shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    driver_port = free_port()
    started = []
    with tempfile.TemporaryDirectory() as data:
        try:
            sandbox = subprocess.Popen(
                [WEIPAY, "sandbox", "--quiet", "--listen", "127.0.0.1:0", "--data", data], stdout=subprocess.PIPE, text=True
            )
            started.append(sandbox)
            base = sandbox.stdout.readline().removeprefix("listening on ").strip()
            started.append(subprocess.Popen(["chromedriver", f"--port={driver_port}"], stdout=subprocess.DEVNULL))
            browser = Browser(driver_port)
            try:
                play(data, base, browser, f"http://127.0.0.1:{shop.server_port}/paid")
            finally:
                browser.send("DELETE", "")
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


main()
