"""Headless Chromium, driven by its DevTools protocol over pipes: a page, as a person has it.

What the page asked for, what its policy forbade and what it failed at are kept for each page.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from .until import TooLate, slowly, until

PROGRAMS = ("chromium-headless-shell", "chromium")
ANSWER_DEADLINE_S = 60
# Name of a key: its code, its number, the text that it makes.
KEYS = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""),
        "ArrowDown": ("ArrowDown", 40, ""), "ArrowUp": ("ArrowUp", 38, ""),
        "Backspace": ("Backspace", 8, ""), " ": ("Space", 32, " "), "/": ("Slash", 191, "/")}
SHIFT = 8


def program():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """One process of Chromium with a profile that ends with it."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        to_read, self.to_browser = os.pipe()
        self.from_browser, to_write = os.pipe()
        line = [program(), "--headless", "--remote-debugging-pipe", "--no-first-run",
                "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                "--disable-component-update", "--no-default-browser-check",
                f"--user-data-dir={self.profile}"]
        if os.geteuid() == 0:
            line.append("--no-sandbox")
        # It reads from descriptor 3 and writes to 4. dash knows descriptors up to 9 only.
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "chromium", *line],
            pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self.received = b""
        self.count = 0
        self.answers = {}
        self.pages = {}

    def close(self):
        try:
            self.send("Browser.close")
            self.process.wait(slowly(10))
        except (OSError, TooLate, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.to_browser)
        os.close(self.from_browser)
        shutil.rmtree(self.profile, ignore_errors=True)

    def send(self, method, session=None, **params):
        """Asks it something; its answer."""
        self.count += 1
        number = self.count
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + slowly(ANSWER_DEADLINE_S)
        while number not in self.answers:
            self.receive(deadline - time.monotonic(), method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise OSError(f"{method}: {answer['error']}")
        return answer["result"]

    def receive(self, wait_s, what):
        ready, _, _ = select.select([self.from_browser], [], [], max(0, wait_s))
        piece = os.read(self.from_browser, 1 << 20) if ready else b""
        if not piece:
            raise TooLate(f"Chromium did not answer {what}")
        *messages, self.received = (self.received + piece).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].note(message["method"], message["params"])

    def page(self, width=1280, height=900, dark=False):
        """A page of its own, which shares nothing with others, until it is closed."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, session["sessionId"], context)
        self.pages[page.session] = page
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.send(f"{domain}.enable")
        self.send("Browser.grantPermissions", browserContextId=context,
                  permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        page.size(width, height)
        page.prefer("dark" if dark else "light")
        return page

    def contexts(self):
        """Those of pages that are not closed."""
        return self.send("Target.getBrowserContexts")["browserContextIds"]


class Page:
    """One page: go somewhere, press keys, look at what is there."""

    def __init__(self, browser, session, context):
        self.browser = browser
        self.session = session
        self.context = context
        self.asked = []       # (address, headers) of all that it asked for, whatever became of it
        self.complaints = []  # exceptions, and what the policy forbade

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """The page is gone, with its storage; what it asked for and did can still be looked at."""
        self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)
        del self.browser.pages[self.session]

    def note(self, method, params):
        if method == "Network.requestWillBeSent":
            asked = params["request"]
            self.asked.append((asked["url"], {name.lower(): value for name, value
                                              in asked["headers"].items()}))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", str(details)))
        elif method == "Log.entryAdded" and params["entry"]["source"] in ("security", "violation"):
            self.complaints.append(params["entry"]["text"])

    def send(self, method, **params):
        return self.browser.send(method, self.session, **params)

    def size(self, width, height):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme):
        """What the system says of dark and light."""
        self.send("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def goto(self, url):
        self.send("Page.navigate", url=url)

    def js(self, expression):
        """The value of an expression; a promise is waited for."""
        found = self.send("Runtime.evaluate", expression=expression, awaitPromise=True,
                          returnByValue=True, userGesture=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def until(self, expression, deadline_s=30):
        """Waits until it is true."""
        return until(lambda: self.js(f"!!({expression})"), f"the page to be: {expression}",
                     deadline_s)

    def text(self, selector="body"):
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector):
        self.js(f"document.querySelector({json.dumps(selector)}).click()")

    def fill(self, selector, text):
        """Types over what is there."""
        self.js(f"(() => {{ const field = document.querySelector({json.dumps(selector)});"
                " field.focus(); field.select?.(); })()")
        if text:
            self.type(text)
        else:
            self.press("Backspace")

    def press(self, key, shift=False, ctrl=False):
        code, number, text = KEYS[key]
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number,
                  "modifiers": SHIFT * shift + 2 * ctrl}
        self.send("Input.dispatchKeyEvent", type="keyDown", **common,
                  **({"text": text} if text and not ctrl else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        """As a keyboard, or a paste, has it."""
        self.send("Input.insertText", text=text)

    def picture(self, path):
        shot = self.send("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
