import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The partner API with Java 11 and nothing else: a precheck, a quote, and the stream of statuses.
 *
 * <pre>java Partner.java http://127.0.0.1:8000 loanhub sandbox-LOANHUB sandbox-precheck-LOANHUB</pre>
 */
public final class Partner {
    private final HttpClient http = HttpClient.newHttpClient();
    private final String platform;
    private final String appId;
    private final String secret;

    Partner(String platform, String appId, String secret) {
        this.platform = platform;
        this.appId = appId;
        this.secret = secret;
    }

    /** One signed request; the body of the answer. query and body: "" for none. */
    String call(String method, String operation, String query, String body) throws Exception {
        String path = "/partner/v1/" + operation;
        String timestamp = Long.toString(System.currentTimeMillis() / 1000);
        String nonce = UUID.randomUUID().toString();
        String[] parts = query.split("&");
        Arrays.sort(parts);
        String sorted = String.join("&", parts);
        byte[] content = body.getBytes(StandardCharsets.UTF_8);
        String hash = hex(MessageDigest.getInstance("SHA-256").digest(content));
        String text = String.join("\n", method, path, sorted, timestamp, nonce, hash);
        HttpRequest request = HttpRequest.newBuilder(URI.create(platform + path + (query.isEmpty() ? "" : "?" + query)))
                .header("Content-Type", "application/json")
                .header("X-App-Id", appId)
                .header("X-Timestamp", timestamp)
                .header("X-Nonce", nonce)
                .header("X-Signature", hmac(secret, text))
                .method(method, BodyPublishers.ofByteArray(content))
                .build();
        HttpResponse<String> answer = http.send(request, BodyHandlers.ofString());
        if (answer.statusCode() >= 400) {
            throw new IllegalStateException(answer.statusCode() + " " + answer.body());
        }
        return answer.body();
    }

    static String hmac(String key, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        return hex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
    }

    static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte one : bytes) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }

    public static void main(String[] given) throws Exception {
        Partner partner = new Partner(given[0], given[1], given[2]);
        String prefix = hmac(given[3], "13800138002").substring(0, 8);
        System.out.println(partner.call("POST", "precheck", "", "{\"phone_hash_prefix\": \"" + prefix + "\"}"));
        System.out.println(partner.call(
                "POST", "quote", "", "{\"product\": \"LINE\", \"amount_cents\": 1000000, \"months\": 12}"));
        System.out.println(partner.call("GET", "events", "limit=10&after=0", ""));
    }
}
