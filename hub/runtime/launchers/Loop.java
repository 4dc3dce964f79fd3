// Speaks ActionLoop for a Java method: `Loop CLASS[#METHOD]` (openwhisk-api §10.7). A line of JSON comes for each run, one goes back.

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

public final class Loop {
    private static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    private static OutputStream answers;

    public static void main(String[] words) throws IOException {
        answers = new FileOutputStream("/proc/self/fd/3");
        Method method;
        try {
            method = find(words[0]);
        } catch (ReflectiveOperationException | LinkageError error) {
            error.printStackTrace();
            say(failure("Action entrypoint '" + words[0] + "' is not a class with such a method."));
            System.exit(1);
            return;
        }
        say(JsonParser.parseString("{\"ok\":true}"));
        BufferedReader runs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
        for (String line = runs.readLine(); line != null; line = runs.readLine()) {
            say(run(method, JsonParser.parseString(line).getAsJsonObject()));
        }
    }

    private static Method find(String name) throws ReflectiveOperationException {
        int cut = name.indexOf('#');
        Class<?> type = Class.forName(cut < 0 ? name : name.substring(0, cut));
        String wanted = cut < 0 ? "main" : name.substring(cut + 1);
        Method found = Arrays.stream(type.getDeclaredMethods())
            .filter(method -> method.getName().equals(wanted) && method.getParameterCount() == 1)
            .filter(method -> JsonElement.class.isAssignableFrom(method.getParameterTypes()[0]))
            .findFirst()
            .orElseThrow(() -> new NoSuchMethodException(name));
        found.setAccessible(true);
        return found;
    }

    private static JsonElement run(Method method, JsonObject run) {
        for (Map.Entry<String, JsonElement> member : run.entrySet()) {
            if (!member.getKey().equals("value")) {
                setEnvironment("__OW_" + member.getKey().toUpperCase(Locale.ROOT), member.getValue().getAsString());
            }
        }
        try {
            Object result = method.invoke(null, run.get("value"));
            return result == null ? new JsonObject() : (JsonElement) result;
        } catch (InvocationTargetException error) {
            error.getCause().printStackTrace();
            return failure(String.valueOf(error.getCause()));
        } catch (ReflectiveOperationException | RuntimeException error) {
            error.printStackTrace();
            return failure(String.valueOf(error));
        }
    }

    // The machine has no call for it; the map behind `System.getenv` is changed instead.
    @SuppressWarnings("unchecked")
    private static void setEnvironment(String name, String value) {
        try {
            Field map = System.getenv().getClass().getDeclaredField("m");
            map.setAccessible(true);
            ((Map<String, String>) map.get(System.getenv())).put(name, value);
        } catch (ReflectiveOperationException | RuntimeException error) {
            System.err.println("The environment cannot be changed: " + error);
        }
    }

    private static JsonObject failure(String words) {
        JsonObject failure = new JsonObject();
        failure.addProperty("error", words);
        return failure;
    }

    private static void say(JsonElement value) throws IOException {
        System.out.flush();
        answers.write((GSON.toJson(value) + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
