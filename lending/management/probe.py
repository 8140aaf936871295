"""Ask the web process of this container: `python -m lending.management.probe /readyz`; exits 1 unless it is well.

Standard library only, so that a probe every few seconds costs next to nothing. The host is one that is served.
"""

import os
import sys
import urllib.error
import urllib.request


def main(path: str) -> int:
    host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".*") or "localhost"
    url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host}), timeout=5) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        print(f"{refusal.code} {refusal.read().decode()}")
        return 1
    except OSError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
