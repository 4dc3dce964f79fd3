<?php
// Speaks ActionLoop for a PHP function: `loop.php SOURCE MAIN` (openwhisk-api §10.7). A line of JSON comes for each run, one goes back.

(function (string $source, string $main): void {
    $answers = fopen('php://fd/3', 'wb');
    $encode = static fn ($value): string => json_encode(
        $value,
        JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION
    );
    $say = static function (string $line) use ($answers): void {
        fflush(STDOUT);
        fwrite($answers, $line . "\n");
    };
    // Archives bring what they depend on.
    $load = static function (string $file): void {
        if (is_file('vendor/autoload.php')) {
            require_once 'vendor/autoload.php';
        }
        require_once $file;
    };
    try {
        $load($source);
    } catch (Throwable $error) {
        file_put_contents('php://stderr', $error . "\n");
        $say($encode(['error' => get_class($error) . ': ' . $error->getMessage()]));
        return;
    }
    if (!is_callable($main)) {
        $say($encode(['error' => "Action entrypoint '$main' is not a function."]));
        return;
    }
    $say('{"ok":true}');
    // An object that is empty stays one.
    $shown = static fn ($result) => $result === null || $result === [] ? new stdClass() : $result;
    while (($line = fgets(STDIN)) !== false) {
        $run = json_decode($line, true, 10000);
        foreach ($run as $name => $value) {
            if ($name !== 'value') {
                putenv('__OW_' . strtoupper($name) . '=' . $value);
                $_ENV['__OW_' . strtoupper($name)] = $value;
            }
        }
        try {
            $say($encode($shown($main($run['value']))));
        } catch (Throwable $error) {
            file_put_contents('php://stderr', $error . "\n");
            $say($encode(['error' => $error->getMessage()]));
        }
    }
})($argv[1], $argv[2]);
