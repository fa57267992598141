// Sends requests as Plivo's Java SDK does, by the library below it: OkHttp. The SDK writes and reads JSON by Retrofit and
// Jackson, which are not here: bodies come as text, and answers are handed on as text.
//
// Reads a task from standard input, a line a field, and writes what came of it to standard output; see ../drivers.ts.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import okhttp3.Credentials;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

public class Driver {
  private static final MediaType JSON = MediaType.get("application/json; charset=UTF-8");

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    HttpUrl base = HttpUrl.get(in.readLine());
    String authId = in.readLine();
    String authToken = in.readLine();
    OkHttpClient client = new OkHttpClient.Builder()
        // The interceptor of docs/sdk.md.
        .addInterceptor(chain -> {
          HttpUrl here = chain.request().url().newBuilder()
              .scheme(base.scheme()).host(base.host()).port(base.port()).build();
          return chain.proceed(chain.request().newBuilder().url(here).build());
        })
        .addInterceptor(chain -> chain.proceed(chain.request().newBuilder()
            .addHeader("Authorization", Credentials.basic(authId, authToken))
            .addHeader("User-Agent", "plivo-java/5.49.0 (Implementation: null null null, Specification: null null null)")
            .build()))
        .build();
    for (String method = in.readLine(); method != null; method = in.readLine()) {
      String path = in.readLine();
      String json = in.readLine();
      RequestBody body = null;
      if (!json.isEmpty()) body = RequestBody.create(JSON, json.getBytes(StandardCharsets.UTF_8));
      else if (method.equals("POST")) body = RequestBody.create(null, new byte[0]);
      Request request = new Request.Builder()
          .url("https://api.plivo.com/v1/Account/" + authId + path).method(method, body).build();
      try (Response response = client.newCall(request).execute()) {
        System.out.println(response.code() + " " + response.body().string());
      }
    }
    client.connectionPool().evictAll();
    client.dispatcher().executorService().shutdown();
  }
}
