<?php
function main(array $args)
{
    switch ($args['do']) {
        case 'hello':
            return ['greeting' => 'Hello ' . $args['name']];
        case 'error':
            return ['error' => 'no', 'more' => 1];
        case 'fail':
            throw new RuntimeException('boom');
        case 'array':
            return [1, 2];
        case 'text':
            return 'text';
        case 'exit':
            exit(3);
        case 'sleep':
            sleep(30);
        case 'logs':
            echo "one\ntwo\n";
            file_put_contents('php://stderr', "three\n");
            echo "four\n";
            return [];
        case 'env':
            return array_combine($args['names'], array_map('getenv', $args['names']));
        case 'say':
            echo $args['text'], "\n";
    }
    return $args;
}
