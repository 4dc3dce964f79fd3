import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

public class Example {
    public static JsonObject main(JsonObject args) throws Exception {
        JsonObject result = new JsonObject();
        switch (args.get("do").getAsString()) {
            case "hello":
                result.addProperty("greeting", "Hello " + args.get("name").getAsString());
                return result;
            case "error":
                result.addProperty("error", "no");
                result.addProperty("more", 1);
                return result;
            case "fail":
                throw new IllegalStateException("boom");
            case "exit":
                System.exit(3);
            case "sleep":
                Thread.sleep(30_000);
            case "logs":
                System.out.println("one\ntwo");
                System.err.println("three");
                System.out.println("four");
                return result;
            case "env":
                for (JsonElement name : args.getAsJsonArray("names")) {
                    result.addProperty(name.getAsString(), System.getenv(name.getAsString()));
                }
                return result;
            case "say":
                System.out.println(args.get("text").getAsString());
            default:
                return args;
        }
    }
}
